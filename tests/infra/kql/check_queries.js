// Checks KQL queries with Kusto's own parser. In, as JSON on stdin: {"tables": {table: {column: type}}, "queries": {name: text}}.
// Out, as JSON: {name: {"findings": ["line: message"], "columns": {column: type}}}. A table named `source` is a transformation's input.
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const fs = require("fs");

const { KustoCode, GlobalState, Symbols } = globalThis.Kusto.Language;
const list = (items) => globalThis.System.Linq.Enumerable.from(items).ToArray(globalThis.System.Object);

const { tables, queries } = JSON.parse(fs.readFileSync(0, "utf8"));
const symbols = Object.entries(tables).map(([name, columns]) => {
  const schema = Object.entries(columns).map(([column, type]) => `['${column}']: ${type}`);
  return new Symbols.TableSymbol.$ctor7(name, `(${schema.join(", ")})`, null);
});
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", symbols));

const answer = {};
for (const [name, text] of Object.entries(queries)) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const findings = list(code.GetDiagnostics()).map((finding) => {
    const line = text.slice(0, finding.Start).split("\n").length;
    return `${line}: ${finding.Message}`;
  });
  const columns = {};
  if (code.ResultType && code.ResultType.Columns) {
    for (const column of list(code.ResultType.Columns)) columns[column.Name] = column.Type.Name;
  }
  answer[name] = { findings, columns };
}
process.stdout.write(JSON.stringify(answer));
