-- Adds to the hours what the events written by transactions from $1 to below $2 say. All of those have ended: their rows
-- are all here, and an ended payment's attempts do not change any more but from paid to reversed.
WITH told AS (
    SELECT e.client_id, e.type, e.created_at, date_trunc('hour', e.created_at) AS hour, p.id, p.mode, p.service,
        p.currency, p.amount, p.attempt AS current
    FROM event e JOIN payment p ON p.client_id = e.client_id AND p.id = e.payment_id
    WHERE e.xact >= $1 AND e.xact < $2
      AND e.type IN ('payment.processing', 'payment.succeeded', 'payment.failed', 'payment.reversed')
), facts AS (
    SELECT t.client_id, t.mode, t.hour, a.connection_id, t.service, t.currency, t.amount, a.fee, a.tax,
        t.type = 'payment.processing' AS begun,
        t.type = 'payment.succeeded' AND a.number = t.current AS paid,
        t.type = 'payment.failed' AND a.number = t.current AS failed,
        t.type = 'payment.reversed' AS reversed,
        CASE WHEN t.type IN ('payment.succeeded', 'payment.failed') THEN a.state END AS state,
        -- Only of what its provider paid: what people end takes the time of people.
        CASE WHEN t.type = 'payment.succeeded' AND a.state IN ('paid', 'reversed') THEN
            width_bucket(trunc(extract(epoch FROM t.created_at - a.created_at) * 1000)::bigint, $3::bigint[]) END AS step
    FROM told t JOIN attempt a ON a.client_id = t.client_id AND a.payment_id = t.id
        AND a.number BETWEEN CASE WHEN t.type = 'payment.reversed' THEN t.current ELSE 1 END
            AND CASE WHEN t.type = 'payment.processing' THEN 1 ELSE t.current END
), sums AS (
    SELECT client_id, mode, hour, connection_id, service, currency,
        count(*) FILTER (WHERE begun) AS begun, COALESCE(sum(amount) FILTER (WHERE begun), 0)::bigint AS begun_amount,
        count(*) FILTER (WHERE paid) AS paid, COALESCE(sum(amount) FILTER (WHERE paid), 0)::bigint AS paid_amount,
        count(*) FILTER (WHERE failed) AS failed, COALESCE(sum(amount) FILTER (WHERE failed), 0)::bigint AS failed_amount,
        count(*) FILTER (WHERE reversed) AS reversed,
        COALESCE(sum(amount) FILTER (WHERE reversed), 0)::bigint AS reversed_amount,
        count(*) FILTER (WHERE state = 'not_sent') AS not_sent,
        count(*) FILTER (WHERE state = 'refused') AS refused,
        count(*) FILTER (WHERE state = 'failed') AS broken,
        COALESCE(sum(fee) FILTER (WHERE step IS NOT NULL), 0)::bigint AS fees,
        COALESCE(sum(tax) FILTER (WHERE step IS NOT NULL), 0)::bigint AS taxes,
        ARRAY[count(*) FILTER (WHERE step = 0),
        count(*) FILTER (WHERE step = 1),
        count(*) FILTER (WHERE step = 2),
        count(*) FILTER (WHERE step = 3),
        count(*) FILTER (WHERE step = 4),
        count(*) FILTER (WHERE step = 5),
        count(*) FILTER (WHERE step = 6),
        count(*) FILTER (WHERE step = 7),
        count(*) FILTER (WHERE step = 8),
        count(*) FILTER (WHERE step = 9),
        count(*) FILTER (WHERE step = 10),
        count(*) FILTER (WHERE step = 11),
        count(*) FILTER (WHERE step = 12),
        count(*) FILTER (WHERE step = 13),
        count(*) FILTER (WHERE step = 14),
        count(*) FILTER (WHERE step = 15)] AS latency
    FROM facts GROUP BY 1, 2, 3, 4, 5, 6
)
INSERT INTO payment_hour AS r (client_id, mode, hour, connection_id, service, currency, begun, begun_amount, paid,
    paid_amount, failed, failed_amount, reversed, reversed_amount, not_sent, refused, broken, fees, taxes, latency)
SELECT client_id, mode, hour, connection_id, service, currency, begun, begun_amount, paid, paid_amount, failed,
    failed_amount, reversed, reversed_amount, not_sent, refused, broken, fees, taxes, latency
FROM sums
ON CONFLICT (client_id, mode, hour, connection_id, service, currency) DO UPDATE SET
    begun = r.begun + EXCLUDED.begun,
    begun_amount = r.begun_amount + EXCLUDED.begun_amount,
    paid = r.paid + EXCLUDED.paid,
    paid_amount = r.paid_amount + EXCLUDED.paid_amount,
    failed = r.failed + EXCLUDED.failed,
    failed_amount = r.failed_amount + EXCLUDED.failed_amount,
    reversed = r.reversed + EXCLUDED.reversed,
    reversed_amount = r.reversed_amount + EXCLUDED.reversed_amount,
    not_sent = r.not_sent + EXCLUDED.not_sent,
    refused = r.refused + EXCLUDED.refused,
    broken = r.broken + EXCLUDED.broken,
    fees = r.fees + EXCLUDED.fees,
    taxes = r.taxes + EXCLUDED.taxes,
    latency = ARRAY(SELECT o.n + s.n FROM UNNEST(r.latency) WITH ORDINALITY o(n, i)
        JOIN UNNEST(EXCLUDED.latency) WITH ORDINALITY s(n, i) USING (i) ORDER BY i)
