launched AS (
    SELECT
        d.decision_id,
        d.customer_id,
        epoch_us(d.decided_at) AS decided_us,
        lead(epoch_us(d.decided_at)) OVER customer AS next_us,
        -- A decision of a batch is decided when it is planned and written when it is launched, up to days later. What
        -- the customer bought meanwhile may have been measured, and before the launch nothing came of the new decision.
        max(epoch_us(o.window_end)) OVER (customer ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS measured_us,
        o.decision_id IS NOT NULL AS measured
    FROM decisions AS d
    LEFT JOIN observations AS o ON o.decision_id = d.decision_id
    WHERE d.decided_at <= $as_of AND d.cycle >= 1  -- imported experiments count from 0 down and close no window
    WINDOW customer AS (PARTITION BY d.customer_id ORDER BY d.decided_at, d.decision_id)
),
begun AS (  -- no moment belongs to two windows
    SELECT
        decision_id,
        customer_id,
        decided_us,
        next_us,
        greatest(decided_us, coalesce(measured_us, decided_us)) AS from_us
    FROM launched
    WHERE NOT measured
),
windows AS (  -- of decisions without an observation, in microseconds since 1970
    SELECT
        decision_id,
        customer_id,
        decided_us,
        from_us,
        greatest(from_us, least(from_us + $window_us, coalesce(next_us, from_us + $window_us))) AS end_us
    FROM begun
)