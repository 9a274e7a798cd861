-- One row per launched decision that has no observation yet and whose window closed at or before $as_of.
-- Moments are microseconds since 1970 (…_us); what the window brought is in [from_us, end_us), and the state at its
-- end looks at everything before end_us: the same rules as profiles.sql, evaluated at a moment of each decision's own.
WITH {windows},
pending AS MATERIALIZED (
    SELECT decision_id, customer_id, decided_us, from_us, end_us FROM windows WHERE end_us <= $as_of_us
),
order_days AS MATERIALIZED (
    SELECT
        d.decision_id,
        epoch_us(e.occurred_at) // 86400000000 AS day,
        e.order_id,
        sum(e.amount_minor) AS net_minor,
        sum(CASE WHEN epoch_us(e.occurred_at) >= d.from_us THEN e.amount_minor ELSE 0 END) AS window_minor,
        sum(CASE
            WHEN epoch_us(e.occurred_at) < d.from_us THEN 0
            WHEN e.margin_minor IS NOT NULL THEN e.margin_minor * 1000000
            ELSE e.amount_minor * {product_rate}
        END) AS window_margin_micro,
        min(CASE WHEN e.kind = 'order_line' THEN epoch_us(e.occurred_at) END) AS first_us,
        max(CASE WHEN e.kind = 'order_line' THEN epoch_us(e.occurred_at) END) AS last_us,
        bool_or(e.kind = 'return_line' AND epoch_us(e.occurred_at) >= d.from_us) AS returned
    FROM events AS e
    INNER JOIN pending AS d ON d.customer_id = e.customer_id AND epoch_us(e.occurred_at) < d.end_us
    {product_join}
    WHERE e.kind IN ('order_line', 'return_line') AND e.occurred_at < $as_of
    GROUP BY d.decision_id, epoch_us(e.occurred_at) // 86400000000, e.order_id
),
days AS (
    SELECT
        decision_id,
        day,
        sum(net_minor) AS net_minor,
        sum(net_minor) > 0 AS bought,
        max(last_us) AS last_us,
        sum(window_margin_micro) AS window_margin_micro,
        CASE
            WHEN sum(window_minor) > 0 THEN sum(CASE WHEN window_minor > 0 THEN 1 ELSE 0 END) ELSE 0
        END AS window_orders,
        bool_or(returned) AS returned
    FROM order_days
    GROUP BY decision_id, day
),
purchases AS MATERIALIZED (
    SELECT
        decision_id,
        min(CASE WHEN bought THEN day END) AS first_day,
        max(CASE WHEN bought THEN day END) AS last_day,
        max(CASE WHEN bought THEN last_us END) AS last_us,
        sum(CASE WHEN bought THEN 1 ELSE 0 END) AS purchase_days,
        sum(CASE WHEN bought THEN net_minor ELSE 0 END) AS bought_minor,
        arg_min(net_minor, CASE WHEN bought THEN day END) AS first_day_minor,
        sum(window_margin_micro) AS window_margin_micro,
        sum(window_orders) AS window_orders,
        bool_or(returned) AS returned
    FROM days
    GROUP BY decision_id
),
messages AS MATERIALIZED (
    SELECT d.decision_id, d.end_us, epoch_us(e.occurred_at) AS at_us
    FROM events AS e
    INNER JOIN pending AS d ON d.customer_id = e.customer_id AND epoch_us(e.occurred_at) < d.end_us
    WHERE e.kind = 'sent' AND e.occurred_at < $as_of
),
contacts AS MATERIALIZED (
    SELECT
        decision_id,
        sum(CASE WHEN at_us >= end_us - 14 * 86400000000 THEN 1 ELSE 0 END) AS contacts_14d,
        max(at_us) AS last_us
    FROM messages
    GROUP BY decision_id
),
answers AS (
    SELECT DISTINCT c.decision_id
    FROM contacts AS c
    INNER JOIN (
        SELECT d.decision_id, epoch_us(e.occurred_at) AS at_us
        FROM events AS e
        INNER JOIN pending AS d ON d.customer_id = e.customer_id AND epoch_us(e.occurred_at) < d.end_us
        WHERE e.kind IN ('visit', 'clicked') AND e.occurred_at < $as_of
        UNION ALL
        SELECT decision_id, first_us AS at_us FROM order_days WHERE net_minor > 0
    ) AS t ON t.decision_id = c.decision_id AND t.at_us >= c.last_us AND t.at_us <= c.last_us + 14 * 86400000000
),
prompted AS (
    SELECT DISTINCT p.decision_id
    FROM purchases AS p
    INNER JOIN messages AS m
        ON m.decision_id = p.decision_id AND m.at_us <= p.last_us AND m.at_us >= p.last_us - 14 * 86400000000
),
lost AS (
    SELECT
        d.decision_id,
        list(DISTINCT coalesce(e.channel, '*') ORDER BY coalesce(e.channel, '*')) AS channels,
        bool_or(e.kind = 'complained') AS complained
    FROM events AS e
    INNER JOIN pending AS d
        ON d.customer_id = e.customer_id
        AND epoch_us(e.occurred_at) >= d.from_us
        AND epoch_us(e.occurred_at) < d.end_us
    WHERE e.kind IN ('consent_withdrawn', 'complained') AND e.occurred_at < $as_of
    GROUP BY d.decision_id
),
seen AS MATERIALIZED (  -- the profile a decision could know
    SELECT d.decision_id, d.customer_id, max(p.as_of) AS as_of
    FROM profiles AS p
    INNER JOIN pending AS d ON d.customer_id = p.customer_id AND epoch_us(p.as_of) <= d.decided_us
    GROUP BY d.decision_id, d.customer_id
),
gaps AS (  -- the rhythm typical of everybody, as of that profile
    SELECT as_of, sum(t_x_days) AS gap_days, sum(x) AS gaps
    FROM profiles
    WHERE as_of IN (SELECT as_of FROM seen)
    GROUP BY as_of
),
features AS (
    SELECT seen.decision_id, gaps.gap_days, gaps.gaps, p.state, {profile_columns}
    FROM seen
    INNER JOIN profiles AS p ON p.customer_id = seen.customer_id AND p.as_of = seen.as_of
    INNER JOIN gaps ON gaps.as_of = seen.as_of
),
sent AS (  -- for certain, or as far as anybody knows: both are contacts to caps and limits, too
    SELECT decision_id FROM deliveries WHERE state IN ('sent', 'unknown')
)
SELECT
    {decision_columns},
    make_timestamptz(d.end_us) AS window_end,
    CAST(coalesce(p.window_margin_micro, 0) AS DOUBLE) / 1e6 / $minor AS margin_money,
    CASE WHEN sent.decision_id IS NOT NULL THEN decisions.cost_money ELSE CAST(0 AS DOUBLE) END AS cost_money,
    CAST(coalesce(p.window_orders, 0) AS BIGINT) AS orders_window,
    lost.decision_id IS NOT NULL AS permission_lost,
    coalesce(f.state, 'unknown') AS state,
    CAST(greatest(coalesce(p.purchase_days, 0) - 1, 0) AS BIGINT) AS x_end,
    CAST(coalesce(p.last_day - p.first_day, 0) AS DOUBLE) AS t_x_end_days,
    CAST(coalesce((d.end_us - p.first_day * 86400000000) / 86400000000.0, 0) AS DOUBLE) AS t_end_days,
    CASE
        WHEN p.purchase_days > 1
        THEN CAST(p.bought_minor - p.first_day_minor AS DOUBLE) / (p.purchase_days - 1) / $minor
        ELSE CAST(0 AS DOUBLE)
    END AS repeat_money_end,
    coalesce(lost.channels, []) AS channels_lost,
    coalesce(lost.complained, FALSE) AS complained_window,
    coalesce(p.returned, FALSE) AS returned_window,
    CAST((d.end_us - p.last_us) / 86400000000.0 AS DOUBLE) AS recency_end_days,
    CAST(coalesce(c.contacts_14d, 0) AS BIGINT) AS contacts_14d_end,
    answers.decision_id IS NOT NULL AS answered_end,
    prompted.decision_id IS NOT NULL AS prompted_end,
    CAST(f.gap_days AS DOUBLE) AS gap_days,
    CAST(f.gaps AS DOUBLE) AS gaps,
    {feature_columns}
FROM pending AS d
INNER JOIN decisions ON decisions.decision_id = d.decision_id
LEFT JOIN purchases AS p ON p.decision_id = d.decision_id
LEFT JOIN contacts AS c ON c.decision_id = d.decision_id
LEFT JOIN answers ON answers.decision_id = d.decision_id
LEFT JOIN prompted ON prompted.decision_id = d.decision_id
LEFT JOIN lost ON lost.decision_id = d.decision_id
LEFT JOIN features AS f ON f.decision_id = d.decision_id
LEFT JOIN sent ON sent.decision_id = d.decision_id
ORDER BY d.decided_us, d.decision_id
