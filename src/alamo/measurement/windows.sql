launched AS (
    SELECT
        decision_id,
        customer_id,
        epoch_us(decided_at) AS from_us,
        lead(epoch_us(decided_at)) OVER (PARTITION BY customer_id ORDER BY decided_at, decision_id) AS next_us
    FROM decisions
    WHERE decided_at <= $as_of AND cycle >= 1  -- imported experiments count from 0 down and close no window
),
windows AS (  -- of decisions without an observation, in microseconds since 1970
    SELECT
        l.decision_id,
        l.customer_id,
        l.from_us,
        least(l.from_us + $window_us, coalesce(l.next_us, l.from_us + $window_us)) AS end_us
    FROM launched AS l
    LEFT JOIN observations AS o ON o.decision_id = l.decision_id
    WHERE o.decision_id IS NULL
)