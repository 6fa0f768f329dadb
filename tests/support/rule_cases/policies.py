"""Cases of the rules in `bundle.rules.policies`."""

from support.rule_cases.case import ACTIVITIES, COUNT, Case, drop, put

CASES = (
    Case(
        "timeout-given", drop(COUNT, "activities.0.policy.timeout"), COUNT, f"{ACTIVITIES}[0].policy", "has no timeout"
    ),
    Case(
        "timeout-format",
        put(COUNT, "activities.0.policy.timeout", "1 hour"),
        COUNT,
        f"{ACTIVITIES}[0].policy.timeout",
        "'1 hour' must read D.HH:MM:SS",
        put(COUNT, "activities.0.policy.timeout", "01:00:00"),
    ),
    Case(
        "timeout-format",
        put(COUNT, "activities.0.policy.timeout", "0.00:00:00"),
        COUNT,
        f"{ACTIVITIES}[0].policy.timeout",
        "must be more than nothing",
        put(COUNT, "activities.0.policy.timeout", "@pipeline().parameters.day"),
    ),
    *(
        Case(
            "timeout-documented",
            put(COUNT, "activities.0.policy.timeout", written),
            COUNT,
            f"{ACTIVITIES}[0].policy.timeout",
            message,
        )
        for written, message in (
            ("8.00:00:00", "the documented most of 7 days"),
            ("0.1:00:00", "two digits each"),
            ("1:00:00", "two digits each"),
        )
    ),
    Case(
        "timeout-sane",
        put(COUNT, "activities.0.policy.timeout", "1.00:00:01"),
        COUNT,
        f"{ACTIVITIES}[0].policy.timeout",
        "longer than a day",
        put(COUNT, "activities.0.policy.timeout", "1.00:00:00"),
    ),
    Case(
        "timeout-sane",
        put(COUNT, "activities.0.policy.timeout", "0.00:09:59"),
        COUNT,
        f"{ACTIVITIES}[0].policy.timeout",
        "shorter than the documented least of 10 minutes",
        put(COUNT, "activities.0.policy.timeout", "0.00:10:00"),
    ),
    Case(
        "retry-given",
        drop(COUNT, "activities.0.policy.retry"),
        COUNT,
        f"{ACTIVITIES}[0].policy",
        "has no retry",
        put(COUNT, "activities.0.policy.retry", 0),
    ),
    Case("retry-range", put(COUNT, "activities.0.policy.retry", -1), COUNT, f"{ACTIVITIES}[0].policy.retry", "is -1"),
    Case(
        "retry-range",
        put(COUNT, "activities.0.policy.retryIntervalInSeconds", "often"),
        COUNT,
        f"{ACTIVITIES}[0].policy.retryIntervalInSeconds",
        "must be a whole number of 0 or more, is 'often'",
        put(COUNT, "activities.0.policy.retryIntervalInSeconds", "60"),
    ),
    Case(
        "retry-interval",
        put(COUNT, "activities.0.policy.retryIntervalInSeconds", 29),
        COUNT,
        f"{ACTIVITIES}[0].policy.retryIntervalInSeconds",
        "from 30 to 86400, is 29",
        put(COUNT, "activities.0.policy.retryIntervalInSeconds", 30),
    ),
)
