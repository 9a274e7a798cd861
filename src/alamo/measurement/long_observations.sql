-- One row per observed decision that has no long observation yet and whose long window closed at or before $as_of.
-- The long window starts where the outcome window started and does not end at the next decision: later decisions about
-- the customer are part of the world, with what they brought and what they cost. Money is discounted to the end of the
-- outcome window at the rate of the decision's cycle (discounts), line by line and rounded to millionths of a minor unit,
-- so that sums do not depend on their order.
WITH begun AS (
    SELECT
        decision_id,
        customer_id,
        cycle,
        epoch_us(decided_at) AS decided_us,
        epoch_us(window_end) AS short_us,
        max(epoch_us(window_end)) OVER (
            PARTITION BY customer_id ORDER BY decided_at, decision_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS measured_us
    FROM observations
    WHERE cycle >= 1  -- imported experiments bring their outcomes with them
),
long_windows AS (
    SELECT
        decision_id,
        customer_id,
        cycle,
        decided_us,
        short_us,
        greatest(decided_us, coalesce(measured_us, decided_us)) AS from_us,
        greatest(short_us, greatest(decided_us, coalesce(measured_us, decided_us)) + $long_us) AS end_us
    FROM begun
    WHERE decision_id NOT IN (SELECT decision_id FROM long_observations WHERE long_days = $long_days)
),
pending AS MATERIALIZED (
    SELECT * FROM long_windows WHERE end_us <= $as_of_us
),
days AS MATERIALIZED (
    SELECT
        d.decision_id,
        epoch_us(e.occurred_at) // 86400000000 AS day,
        sum(e.amount_minor) AS net_minor,
        sum(CASE
            WHEN epoch_us(e.occurred_at) < d.from_us THEN 0
            ELSE CAST(round(
                (CASE
                    WHEN e.margin_minor IS NOT NULL THEN e.margin_minor * 1000000
                    ELSE e.amount_minor * {product_rate}
                END) * exp(-r.discount_per_us * greatest(epoch_us(e.occurred_at) - d.short_us, 0))
            ) AS BIGINT)
        END) AS margin_micro
    FROM events AS e
    INNER JOIN pending AS d ON d.customer_id = e.customer_id AND epoch_us(e.occurred_at) < d.end_us
    INNER JOIN discounts AS r ON r.cycle = d.cycle
    {product_join}
    WHERE e.kind IN ('order_line', 'return_line') AND e.occurred_at < $as_of
    GROUP BY d.decision_id, epoch_us(e.occurred_at) // 86400000000
),
purchases AS (
    SELECT
        decision_id,
        min(CASE WHEN net_minor > 0 THEN day END) AS first_day,
        max(CASE WHEN net_minor > 0 THEN day END) AS last_day,
        sum(CASE WHEN net_minor > 0 THEN 1 ELSE 0 END) AS purchase_days,
        sum(CASE WHEN net_minor > 0 THEN net_minor ELSE 0 END) AS bought_minor,
        arg_min(net_minor, CASE WHEN net_minor > 0 THEN day END) AS first_day_minor,
        sum(margin_micro) AS margin_micro
    FROM days
    GROUP BY decision_id
),
sent AS (  -- for certain, or as far as anybody knows
    SELECT decision_id FROM deliveries WHERE state IN ('sent', 'unknown')
),
costs AS (
    SELECT d.decision_id, sum(CAST(round(other.cost_money * 1e6) AS BIGINT)) AS cost_micro
    FROM pending AS d
    INNER JOIN decisions AS other
        ON other.customer_id = d.customer_id
        AND epoch_us(other.decided_at) >= d.decided_us
        AND epoch_us(other.decided_at) < d.end_us
    INNER JOIN sent ON sent.decision_id = other.decision_id
    WHERE other.cycle >= 1
    GROUP BY d.decision_id
),
lost AS (
    SELECT
        d.decision_id,
        list(DISTINCT coalesce(e.channel, '*') ORDER BY coalesce(e.channel, '*')) AS channels
    FROM events AS e
    INNER JOIN pending AS d
        ON d.customer_id = e.customer_id
        AND epoch_us(e.occurred_at) >= d.from_us
        AND epoch_us(e.occurred_at) < d.end_us
    WHERE e.kind IN ('consent_withdrawn', 'complained') AND e.occurred_at < $as_of
    GROUP BY d.decision_id
)
SELECT
    d.decision_id,
    d.cycle,
    make_timestamptz(d.short_us) AS short_end,
    make_timestamptz(d.end_us) AS long_end,
    CAST(coalesce(p.margin_micro, 0) AS DOUBLE) / 1e6 / $minor AS margin_money,
    CAST(coalesce(c.cost_micro, 0) AS DOUBLE) / 1e6 AS cost_money,
    lost.decision_id IS NOT NULL AS permission_lost,
    CAST(greatest(coalesce(p.purchase_days, 0) - 1, 0) AS BIGINT) AS x_end,
    CAST(coalesce(p.last_day - p.first_day, 0) AS DOUBLE) AS t_x_end_days,
    CAST(coalesce((d.end_us - p.first_day * 86400000000) / 86400000000.0, 0) AS DOUBLE) AS t_end_days,
    CASE
        WHEN p.purchase_days > 1
        THEN CAST(p.bought_minor - p.first_day_minor AS DOUBLE) / (p.purchase_days - 1) / $minor
        ELSE CAST(0 AS DOUBLE)
    END AS repeat_money_end,
    coalesce(lost.channels, []) AS channels_lost
FROM pending AS d
LEFT JOIN purchases AS p ON p.decision_id = d.decision_id
LEFT JOIN costs AS c ON c.decision_id = d.decision_id
LEFT JOIN lost ON lost.decision_id = d.decision_id
ORDER BY d.decided_us, d.decision_id
