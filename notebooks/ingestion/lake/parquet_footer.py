"""How many rows a Parquet file says it holds, read from its footer: a Spark job that asks takes far longer.

The footer is a Thrift structure in the compact protocol: https://github.com/apache/parquet-format,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Callable

_MAGIC = b"PAR1"
_ROWS = 3  # the number of the field num_rows in FileMetaData
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_LONG_LIST = 15


def rows_of_footer(content: bytes) -> int:
    """Return the number of rows of a Parquet file.

    Args:
        content: the whole file, or as much of its end as holds the footer.

    Raises:
        ValueError: it is no Parquet file, or cut off.
    """
    size = int.from_bytes(content[-8:-4], "little")
    if content[-4:] != _MAGIC or size + 8 > len(content):
        raise ValueError("no Parquet file, or one that was cut off")
    try:
        return _Footer(content[-8 - size : -8]).rows()
    except IndexError:
        raise ValueError("a Parquet file whose footer is damaged") from None


class _Footer:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def rows(self) -> int:
        field = 0
        while header := self._byte():
            field = field + (header >> 4) if header >> 4 else _signed(self._varint())
            if field == _ROWS:
                return _signed(self._varint())
            self._skip(header & 15)
        raise ValueError("a Parquet file whose footer tells no rows")

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def _skip(self, kind: int) -> None:
        if kind in (_TRUE, _FALSE):
            return
        others: dict[int, Callable[[], None]] = {
            _BYTE: lambda: self._move(1),
            _DOUBLE: lambda: self._move(8),
            _BINARY: lambda: self._move(self._varint()),
            _LIST: self._skip_list,
            _SET: self._skip_list,
            _MAP: self._skip_map,
            _STRUCT: self._skip_struct,
        }
        others.get(kind, self._varint)()

    def _move(self, count: int) -> None:
        self._at += count

    def _skip_list(self) -> None:
        header = self._byte()
        count = self._varint() if header >> 4 == _LONG_LIST else header >> 4
        for _ in range(count):
            self._skip_element(header & 15)

    def _skip_map(self) -> None:
        count = self._varint()
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._skip_element(kinds >> 4)
            self._skip_element(kinds & 15)

    def _skip_element(self, kind: int) -> None:
        # Within a field the kind is the value of a truth; within a collection a byte is.
        self._move(1) if kind in (_TRUE, _FALSE) else self._skip(kind)

    def _skip_struct(self) -> None:
        while header := self._byte():
            if not header >> 4:
                self._varint()
            self._skip(header & 15)


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
