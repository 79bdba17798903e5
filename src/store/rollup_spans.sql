-- What came of payments from $3 on, by connection, service and currency.
SELECT connection_id, service, currency,
    sum(begun)::bigint AS "begun!", sum(begun_amount)::bigint AS "begun_amount!",
    sum(paid)::bigint AS "paid!", sum(paid_amount)::bigint AS "paid_amount!",
    sum(failed)::bigint AS "failed!", sum(failed_amount)::bigint AS "failed_amount!",
    sum(reversed)::bigint AS "reversed!", sum(reversed_amount)::bigint AS "reversed_amount!",
    sum(not_sent)::bigint AS "not_sent!", sum(refused)::bigint AS "refused!", sum(broken)::bigint AS "broken!",
    sum(fees)::bigint AS "fees!", sum(taxes)::bigint AS "taxes!",
    ARRAY[sum(latency[1])::bigint, sum(latency[2])::bigint, sum(latency[3])::bigint, sum(latency[4])::bigint, sum(latency[5])::bigint, sum(latency[6])::bigint, sum(latency[7])::bigint, sum(latency[8])::bigint, sum(latency[9])::bigint, sum(latency[10])::bigint, sum(latency[11])::bigint, sum(latency[12])::bigint, sum(latency[13])::bigint, sum(latency[14])::bigint, sum(latency[15])::bigint, sum(latency[16])::bigint] AS "latency!"
FROM payment_hour WHERE client_id = $1 AND mode = $2 AND hour >= $3
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
