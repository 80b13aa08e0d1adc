-- Money is whole micro-dollars, moments are Unix seconds, days and months are the service's own ("2026-11-30", "2026-11").

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    admin INTEGER NOT NULL DEFAULT 0,
    first_seen DOUBLE PRECISION NOT NULL,
    last_seen DOUBLE PRECISION NOT NULL
);

CREATE TABLE memberships (
    user_name TEXT NOT NULL,
    group_name TEXT NOT NULL,
    PRIMARY KEY (user_name, group_name)
);
CREATE INDEX memberships_by_group ON memberships (group_name);

-- scope: user (name), member (each member of the group), group (all its members together), everyone (each user), hub.
CREATE TABLE limits (
    scope TEXT NOT NULL CHECK (scope IN ('user', 'member', 'group', 'everyone', 'hub')),
    name TEXT NOT NULL,
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    micros BIGINT NOT NULL CHECK (micros >= 0),
    set_by TEXT NOT NULL,
    set_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (scope, name, period)
);

-- What is spent, held and granted, by whom and when. Follows from usage, reservations and grants (Ledger.differences).
CREATE TABLE balances (
    scope TEXT NOT NULL CHECK (scope IN ('user', 'group', 'hub')),
    name TEXT NOT NULL,
    period TEXT NOT NULL,
    spent BIGINT NOT NULL DEFAULT 0,
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    granted BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, name, period)
);

CREATE TABLE grants (
    id SERIAL_KEY,
    at DOUBLE PRECISION NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('user', 'group', 'hub')),
    name TEXT NOT NULL,
    day TEXT NOT NULL,
    month TEXT NOT NULL,
    micros BIGINT NOT NULL,
    granted_by TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX grants_by_name ON grants (scope, name, at);

CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    born DOUBLE PRECISION NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL
);

-- Requests under way. ``least`` is what one costs that got no answer, ``sent`` what its answer came to when last noted.
CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL,
    instance TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_groups TEXT NOT NULL,
    day TEXT NOT NULL,
    month TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    micros BIGINT NOT NULL,
    least BIGINT NOT NULL,
    sent BIGINT NOT NULL DEFAULT 0,
    input_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX reservations_by_instance ON reservations (instance);
CREATE INDEX reservations_by_user ON reservations (user_name);

-- Every request that was paid for, once: what balances add up to.
CREATE TABLE usage (
    id SERIAL_KEY,
    request TEXT NOT NULL UNIQUE,
    at DOUBLE PRECISION NOT NULL,
    day TEXT NOT NULL,
    month TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_groups TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    estimated INTEGER NOT NULL,
    outcome TEXT NOT NULL
);
CREATE INDEX usage_by_time ON usage (at);
CREATE INDEX usage_by_user ON usage (user_name, at);

-- The same, summed by day, so that pages with charts need not read a million rows.
CREATE TABLE usage_days (
    day TEXT NOT NULL,
    user_name TEXT NOT NULL,
    model TEXT NOT NULL,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    PRIMARY KEY (day, user_name, model)
);
CREATE INDEX usage_days_by_user ON usage_days (user_name, day);

CREATE TABLE audit (
    id SERIAL_KEY,
    at DOUBLE PRECISION NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
