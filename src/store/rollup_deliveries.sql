-- Adds to the hours the deliveries whose last try was written by transactions from $1 to below $2 and ended them: an
-- ended delivery does not change any more.
INSERT INTO delivery_hour AS r (client_id, endpoint_id, hour, first_time, retried, failed)
SELECT client_id, endpoint_id, date_trunc('hour', updated_at),
    count(*) FILTER (WHERE state = 'delivered' AND tries <= 1),
    count(*) FILTER (WHERE state = 'delivered' AND tries > 1),
    count(*) FILTER (WHERE state = 'failed')
FROM delivery WHERE xact >= $1 AND xact < $2 AND state IN ('delivered', 'failed')
GROUP BY 1, 2, 3
ON CONFLICT (client_id, endpoint_id, hour) DO UPDATE SET first_time = r.first_time + EXCLUDED.first_time,
    retried = r.retried + EXCLUDED.retried, failed = r.failed + EXCLUDED.failed
