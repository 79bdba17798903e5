-- The books, replayed: the lines each attempt must have by its evidence, against the lines it has.
WITH must AS (
    SELECT a.client_id, a.payment_id, a.number AS attempt, a.connection_id, a.mode, p.currency, m.kind, m.line,
        m.debit, m.credit, m.amount
    FROM attempt a
        JOIN payment p ON p.client_id = a.client_id AND p.id = a.payment_id
        CROSS JOIN LATERAL (VALUES
            ('sent', 'Transfer', 'in_transit', 'provider', p.amount, a.sends > 0),
            ('freed', 'Transfer', 'provider', 'in_transit', p.amount,
                a.sends > 0 AND a.state IN ('not_sent', 'refused', 'failed')),
            ('paid', 'Transfer', 'paid_out', 'in_transit', p.amount, a.state IN ('paid', 'reversed')),
            ('paid', 'Fee', 'fee', 'provider', a.fee, a.state IN ('paid', 'reversed')),
            ('paid', 'Tax', 'tax', 'provider', a.tax, a.state IN ('paid', 'reversed')),
            ('reversed', 'Transfer', 'provider', 'paid_out', p.amount, a.state = 'reversed'),
            ('reversed', 'Fee', 'provider', 'fee', a.fee, a.state = 'reversed'),
            ('reversed', 'Tax', 'provider', 'tax', a.tax, a.state = 'reversed')
        ) AS m(kind, line, debit, credit, amount, applies)
    WHERE m.applies AND m.amount > 0
), has AS (
    SELECT client_id, payment_id, attempt, connection_id, mode, currency, kind, line, debit, credit, amount
    FROM ledger_line WHERE kind NOT IN ('suspense', 'resolved')
), differs AS (
    (SELECT * FROM must EXCEPT SELECT * FROM has)
    UNION ALL
    (SELECT * FROM has EXCEPT SELECT * FROM must)
), wrong AS (
    SELECT d.client_id, d.payment_id, d.attempt,
        format('%s %s of %s: %s', d.kind, d.line, d.amount,
            CASE WHEN EXISTS (SELECT FROM has h WHERE h.client_id = d.client_id AND h.payment_id = d.payment_id
                    AND h.attempt = d.attempt AND h.kind = d.kind AND h.line = d.line)
                THEN 'booked, but the attempt''s evidence asks for another line' ELSE 'missing' END) AS wrong
    FROM differs d
    UNION ALL
    -- Money on suspense needs an exception that holds it.
    SELECT l.client_id, l.payment_id, l.attempt, format('suspense of %s without an exception', l.amount)
    FROM ledger_line l
    WHERE l.kind = 'suspense' AND NOT EXISTS (SELECT FROM exception x WHERE x.client_id = l.client_id
        AND x.payment_id = l.payment_id AND x.attempt = l.attempt)
    UNION ALL
    -- Once people closed every exception of a payment, they have said where its money is.
    SELECT l.client_id, l.payment_id, l.attempt, format('%s left on suspense after its exceptions were closed', sum(s.units))
    FROM ledger_line l CROSS JOIN LATERAL (VALUES (l.debit, l.amount), (l.credit, -l.amount)) s(account, units)
    WHERE s.account = 'suspense' AND NOT EXISTS (SELECT FROM exception x WHERE x.client_id = l.client_id
        AND x.payment_id = l.payment_id AND x.status = 'OPEN')
    GROUP BY 1, 2, 3 HAVING sum(s.units) <> 0
    UNION ALL
    -- A payment's status must be what its attempts prove, or what two people proved with a document: a contradiction
    -- never moves an attempt's evidence, so a payment that waited for them can be SUCCESS on freed attempts.
    SELECT p.client_id, p.id, p.attempt, format('status %s with evidence %s', p.status, a.state)
    FROM payment p JOIN attempt a ON a.client_id = p.client_id AND a.payment_id = p.id AND a.number = p.attempt
    WHERE NOT EXISTS (SELECT FROM exception x WHERE x.client_id = p.client_id AND x.payment_id = p.id AND x.status = 'OPEN')
      AND NOT CASE p.status
        WHEN 'PROCESSING' THEN a.state IN ('prepared', 'sent', 'accepted', 'unknown')
        WHEN 'SUCCESS' THEN a.state = 'paid' OR EXISTS (SELECT FROM resolution r WHERE r.client_id = p.client_id
            AND r.payment_id = p.id AND r.outcome = 'paid_out' AND r.approved_at IS NOT NULL)
        WHEN 'REVERSED' THEN a.state = 'reversed'
        WHEN 'FAILED' THEN a.state IN ('not_sent', 'refused', 'failed')
        ELSE false END
)
SELECT client_id AS "client_id!", payment_id AS "payment_id!", attempt AS "attempt!", wrong AS "wrong!"
FROM wrong ORDER BY 1, 2, 3 LIMIT 100
