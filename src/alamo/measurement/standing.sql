-- What customers said last about each channel: two steps of a WITH clause, used wherever consent is judged.
-- A row of standing is one word in force: topic consent or suppression, closed or not.
said AS (  -- the last word per channel; at the same moment the closing word wins (odd codes)
    SELECT
        customer_id,
        coalesce(channel, '*') AS channel,
        CASE WHEN kind IN ('consent_granted', 'consent_withdrawn') THEN 'consent' ELSE 'suppression' END AS topic,
        max(
            epoch_us(occurred_at) * 2
            + CASE WHEN kind IN ('consent_granted', 'unsuppressed') THEN 0 ELSE 1 END
        ) AS code
    FROM events
    WHERE {told} AND kind IN (
        'consent_granted', 'consent_withdrawn', 'suppressed', 'unsuppressed', 'bounced', 'complained'
    )
    GROUP BY ALL
),
standing AS MATERIALIZED (  -- a later word about every channel replaces an earlier one about a single channel
    SELECT s.customer_id, s.channel, s.topic, s.code % 2 = 1 AS closed
    FROM said AS s
    LEFT JOIN said AS every ON every.customer_id = s.customer_id AND every.topic = s.topic AND every.channel = '*'
    WHERE every.code IS NULL OR every.code <= s.code
)