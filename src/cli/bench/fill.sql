-- One batch of payments as a busy client leaves them, from `stage`: n, id, at, receiver. Every constraint holds, and
-- the books are what `ledger verify` asks for. Most are paid at the first try; some go to the second connection, some
-- fail, few are reversed; of the newest some are still waiting or in doubt.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
SET jit = off;
CREATE TEMP TABLE stage (n bigint, id uuid, at timestamptz, receiver bytea);
\copy stage FROM pstdin
BEGIN;
-- A drawn number of a payment, the same in every run.
CREATE FUNCTION pg_temp.dice(n bigint, salt int, sides int) RETURNS int LANGUAGE sql IMMUTABLE
    AS $$ SELECT (hashint8(n * 31 + salt) & 2147483647) % sides $$;
-- An id of its time.
CREATE FUNCTION pg_temp.id(at timestamptz, seed text) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(seed), 1, 3) || '8'
        || substr(md5(seed), 4, 15))::uuid $$;
CREATE TEMP TABLE fresh AS
SELECT f.*, at + make_interval(secs => 0.2 + pg_temp.dice(n, 3, 1000) ^ 2 / 60000.0) AS ended,
    fate IN ('SUCCESS', 'REVERSED') AS is_paid, fate IN ('WAITING', 'DOUBT') AS is_open,
    CASE fate WHEN 'WAITING' THEN 'PROCESSING' WHEN 'DOUBT' THEN 'PROCESSING' ELSE fate END AS status,
    CASE fate WHEN 'WAITING' THEN 'accepted' WHEN 'DOUBT' THEN 'unknown' WHEN 'FAILED' THEN 'refused'
        WHEN 'REVERSED' THEN 'reversed' ELSE 'paid' END AS evidence,
    CASE WHEN hops THEN 2 ELSE 1 END::smallint AS attempts
FROM (
    SELECT s.*, 10000 + pg_temp.dice(n, 1, 4990) * 1000 AS amount,
        CASE WHEN pg_temp.dice(n, 7, 10) = 0 THEN 2500 ELSE 0 END AS fee,
        CASE WHEN n = 2 THEN 'CIMB' ELSE (ARRAY['BCA', 'BCA', 'BNI', 'MANDIRI', 'BRI'])[1 + pg_temp.dice(n, 2, 5)] END AS bank,
        CASE WHEN n > :total - 40 THEN 'DOUBT' WHEN n > :total - 120 THEN 'WAITING'
            WHEN pg_temp.dice(n, 4, 100) < 2 THEN 'FAILED' WHEN n % 5000 = 1 THEN 'REVERSED' ELSE 'SUCCESS' END AS fate,
        pg_temp.dice(n, 4, 100) < 6 AS hops
    FROM stage s
) f ORDER BY n;
ANALYZE fresh;

INSERT INTO payment (client_id, id, mode, service, external_id, amount, currency, destination, receiver, receiver_hash,
    status, evidence, version, attempt, unknown_since, reason_code, reason, send_until, created_at, updated_at, final_at)
SELECT :'client', id, 'test', 'send_money', 'FILL-' || n, amount, 'IDR', bank, receiver, sha256(int8send(n)), status,
    evidence, 3 + attempts, attempts, CASE WHEN fate = 'DOUBT' THEN at + interval '5 seconds' END,
    CASE WHEN fate = 'FAILED' THEN 'provider_refused' END, CASE WHEN fate = 'FAILED' THEN 'Refused by every provider.' END,
    at + interval '1 hour', at, ended, CASE WHEN NOT is_open THEN ended END
FROM fresh ORDER BY n;

CREATE TEMP TABLE tried AS
SELECT f.n, f.id, f.at, f.ended, f.amount, f.fee, f.fate, a.number::smallint AS number,
    CASE WHEN a.number = f.attempts THEN f.evidence ELSE 'refused' END AS state,
    CASE a.number WHEN 1 THEN :'first'::uuid ELSE :'second'::uuid END AS connection,
    CASE a.number WHEN 1 THEN 'oy' ELSE 'doku' END AS provider
FROM fresh f CROSS JOIN LATERAL generate_series(1, f.attempts) AS a(number) ORDER BY f.n;

INSERT INTO attempt (client_id, payment_id, number, mode, connection_id, provider, identity, reference, frozen, fee, tax,
    why, state, sends, accepted, polls, sent_at, next_try_at, provider_ref, code, message, created_at, updated_at)
SELECT :'client', id, number, 'test', connection, provider, 'bench', 'ps' || n || 'a' || number, '\x00',
    fee, fee * 11 / 100, '{"because":"it is first in the sequence"}',
    state, 1, state <> 'refused', 1, at, CASE WHEN state IN ('accepted', 'unknown') THEN now() + interval '1 day' END,
    'R-' || n, CASE WHEN state = 'refused' THEN '206' ELSE '000' END, NULL, at + (number - 1) * interval '100 milliseconds', ended
FROM tried ORDER BY n, number;

INSERT INTO observation (client_id, payment_id, id, attempt, kind, seen_at, verdict, code, message)
SELECT :'client', id, pg_temp.id(ended, 'o' || n || '-' || number), number, 'answer', ended,
    CASE WHEN state = 'reversed' THEN 'paid' ELSE state END, CASE WHEN state = 'refused' THEN '206' ELSE '000' END, NULL
FROM tried ORDER BY n, number;

INSERT INTO ledger_line (client_id, payment_id, attempt, kind, line, connection_id, mode, debit, credit, amount, currency, created_at)
SELECT :'client', t.id, t.number, l.kind, l.line, t.connection, 'test', l.debit, l.credit, l.amount, 'IDR', l.at
FROM tried t CROSS JOIN LATERAL (VALUES
    ('sent', 'Transfer', 'in_transit', 'provider', t.amount, t.at, true),
    ('freed', 'Transfer', 'provider', 'in_transit', t.amount, t.ended, t.state = 'refused'),
    ('paid', 'Transfer', 'paid_out', 'in_transit', t.amount, t.ended, t.state IN ('paid', 'reversed')),
    ('paid', 'Fee', 'fee', 'provider', t.fee, t.ended, t.state IN ('paid', 'reversed')),
    ('paid', 'Tax', 'tax', 'provider', t.fee * 11 / 100, t.ended, t.state IN ('paid', 'reversed')),
    ('reversed', 'Transfer', 'provider', 'paid_out', t.amount, t.ended, t.state = 'reversed'),
    ('reversed', 'Fee', 'provider', 'fee', t.fee, t.ended, t.state = 'reversed'),
    ('reversed', 'Tax', 'provider', 'tax', t.fee * 11 / 100, t.ended, t.state = 'reversed')
) AS l(kind, line, debit, credit, amount, at, applies)
WHERE l.applies AND l.amount > 0 ORDER BY t.n, t.number;

CREATE TEMP TABLE told AS
SELECT f.n, f.id AS payment, e.*, pg_temp.id(e.at, 'e' || f.n || e.type) AS id
FROM fresh f CROSS JOIN LATERAL (VALUES
    ('payment.processing', 1, f.at, true),
    ('payment.succeeded', 2 + f.attempts, f.ended, f.is_paid),
    ('payment.failed', 3 + f.attempts, f.ended, f.fate = 'FAILED'),
    ('payment.reversed', 3 + f.attempts, f.ended, f.fate = 'REVERSED')
) AS e(type, version, at, applies)
WHERE e.applies ORDER BY f.n;

INSERT INTO event (client_id, id, mode, payment_id, version, type, body, created_at)
SELECT :'client', id, 'test', payment, version, type,
    '{"version":' || version || '}', at
FROM told ORDER BY n, version;

INSERT INTO delivery (client_id, event_id, endpoint_id, state, tries, response_status, created_at, updated_at)
SELECT :'client', id, :'endpoint', CASE WHEN d < 2 THEN 'failed' ELSE 'delivered' END, CASE WHEN d < 2 THEN 11 WHEN d < 25 THEN 3 ELSE 1 END,
    CASE WHEN d < 2 THEN 500 ELSE 200 END, at, at + interval '1 second'
FROM (SELECT t.*, pg_temp.dice(n, 9, 1000) AS d FROM told t WHERE type <> 'payment.processing') t ORDER BY n;

-- Three contradictions for people to close, however many payments there are.
INSERT INTO exception (client_id, id, payment_id, attempt, kind, detail, amount, observations, opened_at)
SELECT :'client', pg_temp.id(ended, 'x' || n), id, attempts, 'vanished', 'filled', amount, '{}', ended
FROM fresh WHERE n BETWEEN :total - 203 AND :total - 201 AND is_paid;
COMMIT;
