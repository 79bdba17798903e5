-- One batch of changes through the one door. The version moves first (`moved`); everything else joins on it.
WITH input AS (
    SELECT * FROM UNNEST(
        $2::int[], $3::uuid[], $4::uuid[], $5::int[], $6::bool[], $7::bool[],
        $8::text[], $9::text[], $10::smallint[], $11::timestamptz[], $12::text[], $13::text[], $14::timestamptz[],
        $15::smallint[], $16::text[], $17::text[], $18::smallint[], $19::bool[], $20::int[], $21::smallint[],
        $22::timestamptz[], $23::timestamptz[], $24::timestamptz[], $25::timestamptz[], $26::text[], $27::text[],
        $28::text[], $29::uuid[], $30::text[], $31::text[], $32::timestamptz[]
    ) AS t(
        ord, client_id, payment_id, version, is_send, stop_prepared,
        status, evidence, current, unknown_since, reason_code, reason, final_at,
        number, expected, state, sends, accepted, polls, not_found,
        not_found_at, sent_at, next_try_at, leased_until, provider_ref, code,
        message, connection_id, mode, currency, polled_at)
), moved AS (
    UPDATE payment p
    SET version = p.version + 1, status = i.status, evidence = i.evidence, attempt = i.current,
        unknown_since = i.unknown_since, reason_code = COALESCE(i.reason_code, p.reason_code),
        reason = COALESCE(i.reason, p.reason), final_at = COALESCE(i.final_at, p.final_at),
        updated_at = $1
    FROM input i
    WHERE p.client_id = i.client_id AND p.id = i.payment_id AND p.version = i.version
      AND (NOT i.is_send OR (
            p.send_until > $1
        AND EXISTS (SELECT FROM connection c
                    WHERE c.client_id = i.client_id AND c.id = i.connection_id AND c.status = 'ACTIVE')
        AND EXISTS (SELECT FROM client l WHERE l.client_id = i.client_id AND l.paused_at IS NULL)
        AND NOT EXISTS (SELECT FROM setting s WHERE s.name = 'sending_paused')))
    RETURNING i.ord, p.client_id, p.id, p.version, p.mode
), att AS (
    UPDATE attempt a
    SET state = i.state, sends = i.sends, accepted = i.accepted, polls = i.polls, not_found = i.not_found,
        not_found_at = i.not_found_at, sent_at = i.sent_at, next_try_at = i.next_try_at,
        leased_until = i.leased_until, polled_at = COALESCE(i.polled_at, a.polled_at), provider_ref = COALESCE(i.provider_ref, a.provider_ref),
        code = COALESCE(i.code, a.code), message = COALESCE(i.message, a.message), updated_at = $1
    FROM input i JOIN moved m ON m.ord = i.ord
    WHERE a.client_id = i.client_id AND a.payment_id = i.payment_id AND a.number = i.number AND a.state = i.expected
    RETURNING i.ord
), stopped AS (
    UPDATE attempt a
    SET state = 'not_sent', next_try_at = NULL, message = 'stopped by an exception', updated_at = $1
    FROM input i JOIN moved m ON m.ord = i.ord
    WHERE i.stop_prepared AND a.client_id = i.client_id AND a.payment_id = i.payment_id
      AND a.number <> i.number AND a.state = 'prepared'
), seen AS (
    INSERT INTO observation (client_id, payment_id, id, attempt, kind, seen_at, verdict, code, message, raw)
    SELECT i.client_id, i.payment_id, s.id, i.number, s.kind, $1, s.verdict, s.code, s.message, s.raw
    FROM UNNEST($33::int[], $34::uuid[], $35::text[], $36::text[], $37::text[], $38::text[], $39::text[])
            AS s(ord, id, kind, verdict, code, message, raw)
        JOIN moved m ON m.ord = s.ord JOIN input i ON i.ord = s.ord
), booked AS (
    INSERT INTO ledger_line (client_id, payment_id, attempt, kind, line, part, connection_id, mode, debit, credit, amount,
        currency, created_at)
    SELECT i.client_id, i.payment_id, i.number, l.kind, l.line, l.part, i.connection_id, i.mode, l.debit, l.credit, l.amount, i.currency, $1
    FROM UNNEST($40::int[], $41::text[], $42::text[], $43::text[], $44::text[], $45::bigint[], $66::smallint[])
            AS l(ord, kind, line, debit, credit, amount, part)
        JOIN moved m ON m.ord = l.ord JOIN input i ON i.ord = l.ord
), ev AS (
    INSERT INTO event (client_id, id, mode, payment_id, version, type, body, created_at)
    SELECT m.client_id, e.id, m.mode, m.id, m.version, e.kind, e.body, $1
    FROM UNNEST($46::int[], $47::uuid[], $48::text[], $49::text[]) AS e(ord, id, kind, body)
        JOIN moved m ON m.ord = e.ord
    RETURNING client_id, id, mode, type, payment_id
), told AS (
    INSERT INTO delivery (client_id, event_id, endpoint_id, next_try_at, created_at, updated_at)
    -- Leased to who writes them: they are handed on in memory, and found by this time if they are not told.
    SELECT ev.client_id, ev.id, e.id, $65, $1, $1
    FROM ev JOIN endpoint e ON e.client_id = ev.client_id AND e.mode = ev.mode
        AND e.status = 'ACTIVE' AND ev.type = ANY (e.events)
    RETURNING event_id, endpoint_id
), following AS (
    -- Joined on `att`, so that the attempt before it is freed when the index looks.
    INSERT INTO attempt (client_id, payment_id, number, mode, connection_id, provider, identity, reference, frozen,
        fee, tax, why, state, next_try_at, created_at, updated_at)
    SELECT i.client_id, i.payment_id, i.current, i.mode, n.connection_id, n.provider, n.identity, n.reference,
        n.frozen, n.fee, n.tax, n.why, 'prepared', n.next_try_at, $1, $1
    FROM UNNEST($50::int[], $51::uuid[], $52::text[], $53::text[], $54::text[], $55::bytea[], $56::bigint[],
                $57::bigint[], $58::text[], $59::timestamptz[])
            AS n(ord, connection_id, provider, identity, reference, frozen, fee, tax, why, next_try_at)
        JOIN att ON att.ord = n.ord JOIN input i ON i.ord = n.ord
), opened AS (
    INSERT INTO exception (client_id, id, payment_id, attempt, kind, detail, amount, observations, opened_at)
    SELECT i.client_id, x.id, i.payment_id, i.number, x.kind, x.detail, x.amount,
        ARRAY(SELECT s.id FROM UNNEST($33::int[], $34::uuid[]) AS s(ord, id) WHERE s.ord = x.ord), $1
    FROM UNNEST($60::int[], $61::uuid[], $62::text[], $63::text[], $64::bigint[]) AS x(ord, id, kind, detail, amount)
        JOIN moved m ON m.ord = x.ord JOIN input i ON i.ord = x.ord
)
-- Which changes moved, and which deliveries their events got: who asks knows whose event is whose. Joined here, every
-- change of the batch would look through all events.
SELECT ord AS "ord?", NULL::uuid AS "event_id?", NULL::uuid AS "endpoint_id?" FROM moved
UNION ALL SELECT NULL, event_id, endpoint_id FROM told
