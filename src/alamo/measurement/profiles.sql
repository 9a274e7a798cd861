-- One row per customer as of $as_of; nothing that occurred at or after it is read.
-- $as_of_us is $as_of in microseconds since 1970; windows are bound as timestamps ($since_…).
-- Days are UTC days, numbered since 1970. Margins are kept in millionths of a minor unit, so that sums are exact.
WITH order_days AS MATERIALIZED (  -- the only scan of order lines
    SELECT
        e.customer_id,
        epoch_us(e.occurred_at) // 86400000000 AS day,
        e.order_id,
        sum(e.amount_minor) AS net_minor,
        sum(CASE
            WHEN e.margin_minor IS NOT NULL THEN e.margin_minor * 1000000
            ELSE e.amount_minor * {product_rate}
        END) AS margin_micro,
        sum(CASE WHEN e.kind = 'return_line' THEN 1 ELSE 0 END) AS returns,
        min(CASE WHEN e.kind = 'order_line' THEN e.occurred_at END) AS first_at,
        max(CASE WHEN e.kind = 'order_line' THEN e.occurred_at END) AS last_at,
        min(e.occurred_at) AS seen_at,
        max(e.country) AS country
    FROM events AS e {product_join}
    WHERE e.kind IN ('order_line', 'return_line') AND e.occurred_at < $as_of
    GROUP BY e.customer_id, epoch_us(e.occurred_at) // 86400000000, e.order_id
),
days AS (
    SELECT
        customer_id,
        day,
        sum(net_minor) AS net_minor,
        sum(margin_micro) AS margin_micro,
        sum(returns) AS returns,
        sum(CASE WHEN net_minor > 0 THEN 1 ELSE 0 END) AS orders,
        min(first_at) AS first_at,
        max(last_at) AS last_at,
        min(seen_at) AS seen_at,
        max(country) AS country,
        sum(net_minor) > 0 AS bought
    FROM order_days
    GROUP BY customer_id, day
),
purchases AS MATERIALIZED (
    SELECT
        customer_id,
        min(CASE WHEN bought THEN first_at END) AS first_order_at,
        max(CASE WHEN bought THEN last_at END) AS last_order_at,
        min(CASE WHEN bought THEN day END) AS first_day,
        max(CASE WHEN bought THEN day END) AS last_day,
        sum(CASE WHEN bought THEN orders ELSE 0 END) AS orders,
        sum(CASE WHEN bought THEN 1 ELSE 0 END) AS purchase_days,
        sum(net_minor) AS net_minor,
        sum(margin_micro) AS margin_micro,
        sum(CASE WHEN bought THEN net_minor ELSE 0 END) AS bought_minor,
        arg_min(net_minor, CASE WHEN bought THEN day END) AS first_day_minor,
        arg_max(country, CASE WHEN country IS NOT NULL THEN day END) AS country,
        {window_sums}
    FROM days
    GROUP BY customer_id
),
categories AS (
    SELECT customer_id, category, count(*) AS lines
    FROM events
    WHERE category IS NOT NULL AND kind = 'order_line' AND occurred_at < $as_of
    GROUP BY customer_id, category
),
favourites AS (
    SELECT
        customer_id,
        max(CASE WHEN place = 1 THEN category END) AS category_1,
        max(CASE WHEN place = 2 THEN category END) AS category_2,
        count(*) AS categories
    FROM (
        SELECT
            customer_id, category,
            row_number() OVER (PARTITION BY customer_id ORDER BY lines DESC, category) AS place
        FROM categories
    ) AS ranked
    GROUP BY customer_id
),
messages AS MATERIALIZED (
    SELECT customer_id, epoch_us(occurred_at) AS at_us FROM events WHERE kind = 'sent' AND occurred_at < $as_of
),
contacts AS MATERIALIZED (
    SELECT
        customer_id,
        sum(CASE WHEN at_us >= $as_of_us - 7 * 86400000000 THEN 1 ELSE 0 END) AS contacts_7d,
        sum(CASE WHEN at_us >= $as_of_us - 14 * 86400000000 THEN 1 ELSE 0 END) AS contacts_14d,
        sum(CASE WHEN at_us >= $as_of_us - 28 * 86400000000 THEN 1 ELSE 0 END) AS contacts_28d,
        max(at_us) AS last_us
    FROM messages
    GROUP BY customer_id
),
answers AS (
    SELECT DISTINCT c.customer_id
    FROM contacts AS c
    INNER JOIN (
        SELECT customer_id, epoch_us(occurred_at) AS at_us
        FROM events
        WHERE kind IN ('visit', 'clicked') AND occurred_at < $as_of
        UNION ALL
        SELECT customer_id, epoch_us(first_at) AS at_us FROM order_days WHERE net_minor > 0
    ) AS t ON t.customer_id = c.customer_id AND t.at_us >= c.last_us AND t.at_us <= c.last_us + 14 * 86400000000
),
prompted AS (
    SELECT DISTINCT p.customer_id
    FROM purchases AS p
    INNER JOIN messages AS m
        ON m.customer_id = p.customer_id
        AND m.at_us <= epoch_us(p.last_order_at)
        AND m.at_us >= epoch_us(p.last_order_at) - 14 * 86400000000
),
{standing},
consents AS (
    SELECT customer_id, list(channel ORDER BY channel) AS channels
    FROM standing WHERE topic = 'consent' AND NOT closed GROUP BY customer_id
),
withdrawals AS (
    SELECT customer_id, list(channel ORDER BY channel) AS channels
    FROM standing WHERE topic = 'consent' AND closed GROUP BY customer_id
),
suppressions AS (
    SELECT customer_id, list(channel ORDER BY channel) AS channels
    FROM standing WHERE topic = 'suppression' AND closed GROUP BY customer_id
),
master AS MATERIALIZED (  -- master data have no event time: a row is known from `created_at`, else from its receipt
    SELECT customer_id, country, region, time_zone
    FROM (
        SELECT
            customer_id, country, region, time_zone,
            row_number() OVER (PARTITION BY customer_id ORDER BY received_at DESC, source DESC) AS place
        FROM customers
        WHERE coalesce(created_at, received_at) < $as_of
    ) AS ranked
    WHERE place = 1
),
people AS (
    SELECT customer_id FROM purchases
    UNION
    SELECT customer_id FROM events WHERE kind NOT IN ('order_line', 'return_line') AND occurred_at < $as_of
    UNION
    SELECT customer_id FROM master
)
SELECT
    people.customer_id,
    p.first_order_at,
    p.last_order_at,
    CAST(($as_of_us - epoch_us(p.last_order_at)) / 86400000000.0 AS DOUBLE) AS recency_days,
    CAST(($as_of_us - epoch_us(p.first_order_at)) / 86400000000.0 AS DOUBLE) AS tenure_days,
    CAST(coalesce(p.orders, 0) AS BIGINT) AS orders,
    CAST(coalesce(p.purchase_days, 0) AS BIGINT) AS purchase_days,
    CAST(coalesce(p.net_minor, 0) AS DOUBLE) / $minor AS money,
    CAST(coalesce(p.margin_micro, 0) AS DOUBLE) / 1e6 / $minor AS margin_money,
    CAST(greatest(coalesce(p.purchase_days, 0) - 1, 0) AS BIGINT) AS x,
    CAST(coalesce(p.last_day - p.first_day, 0) AS DOUBLE) AS t_x_days,
    CAST(coalesce(($as_of_us - p.first_day * 86400000000) / 86400000000.0, 0) AS DOUBLE) AS t_days,
    CASE
        WHEN p.purchase_days > 1
        THEN CAST(p.bought_minor - p.first_day_minor AS DOUBLE) / (p.purchase_days - 1) / $minor
        ELSE CAST(0 AS DOUBLE)
    END AS repeat_money,
    {window_columns},
    f.category_1,
    f.category_2,
    CAST(coalesce(f.categories, 0) AS BIGINT) AS categories,
    coalesce(p.country, master.country) AS country,
    master.region,
    master.time_zone,
    coalesce(consents.channels, CAST([] AS VARCHAR[])) AS consent,
    coalesce(withdrawals.channels, CAST([] AS VARCHAR[])) AS withdrawn,
    coalesce(suppressions.channels, CAST([] AS VARCHAR[])) AS suppressed,
    CAST(coalesce(c.contacts_7d, 0) AS BIGINT) AS contacts_7d,
    CAST(coalesce(c.contacts_14d, 0) AS BIGINT) AS contacts_14d,
    CAST(coalesce(c.contacts_28d, 0) AS BIGINT) AS contacts_28d,
    answers.customer_id IS NOT NULL AS answered_last,
    prompted.customer_id IS NOT NULL AS bought_on_discount
FROM people
LEFT JOIN purchases AS p ON p.customer_id = people.customer_id
LEFT JOIN favourites AS f ON f.customer_id = people.customer_id
LEFT JOIN contacts AS c ON c.customer_id = people.customer_id
LEFT JOIN answers ON answers.customer_id = people.customer_id
LEFT JOIN prompted ON prompted.customer_id = people.customer_id
LEFT JOIN consents ON consents.customer_id = people.customer_id
LEFT JOIN withdrawals ON withdrawals.customer_id = people.customer_id
LEFT JOIN suppressions ON suppressions.customer_id = people.customer_id
LEFT JOIN master ON master.customer_id = people.customer_id
ORDER BY people.customer_id
