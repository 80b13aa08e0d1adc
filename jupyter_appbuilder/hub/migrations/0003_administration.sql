-- What servers of people's report of themselves, what they are told to do, and the rules that hold for all.

CREATE TABLE servers (
    user_name TEXT NOT NULL,
    server TEXT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    version TEXT NOT NULL,
    rules BIGINT NOT NULL,
    PRIMARY KEY (user_name, server)
);
CREATE INDEX servers_by_time ON servers (seen_at);

-- turn_at: since when a turn runs, or NULL. sandbox: where its app runs, or ''.
CREATE TABLE sessions (
    user_name TEXT NOT NULL,
    server TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    turn_at DOUBLE PRECISION,
    sandbox TEXT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (user_name, server, id)
);
CREATE INDEX sessions_running ON sessions (user_name, server, id) WHERE turn_at IS NOT NULL OR sandbox <> '';

CREATE TABLE publications (
    user_name TEXT NOT NULL,
    server TEXT NOT NULL,
    target TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    number INTEGER NOT NULL,
    published_at DOUBLE PRECISION NOT NULL,
    visited_on TEXT NOT NULL,
    visits BIGINT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (user_name, server, target, name)
);

-- outcome: '' until the server said what came of it.
CREATE TABLE orders (
    id SERIAL_KEY,
    at DOUBLE PRECISION NOT NULL,
    ordered_by TEXT NOT NULL,
    user_name TEXT NOT NULL,
    server TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    done_at DOUBLE PRECISION,
    outcome TEXT NOT NULL
);
CREATE INDEX orders_open ON orders (user_name, server) WHERE done_at IS NULL;
CREATE INDEX orders_by_user ON orders (user_name, id);

CREATE TABLE rules (
    version SERIAL_KEY,
    at DOUBLE PRECISION NOT NULL,
    set_by TEXT NOT NULL,
    rules TEXT NOT NULL
);

-- usage_days of everybody together.
CREATE TABLE usage_models (
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    PRIMARY KEY (day, model)
);
INSERT INTO usage_models
    SELECT day, model, SUM(requests), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens), SUM(micros)
    FROM usage_days GROUP BY day, model;

CREATE INDEX balances_by_spent ON balances (scope, period, spent);
CREATE INDEX reservations_by_time ON reservations (at);

-- From which addresses, as proxies told them.
ALTER TABLE audit ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_actor ON audit (actor, id);
