"""What a snapshot holds beyond the copied rows: who counts as whom, events, order lines, consent and reach."""

from typing import Final

from crm import addresses
from profiles.computed import MOST

# A tombstone counts as the customer it was merged into, through any number of merges; an erased one as nobody.
MOVED: Final = """
create or replace table moved as
with recursive chain(id, owner_id) as (
    select id, merged_into_id from customer_row where merged_into_id is not null
    union
    select chain.id, next.merged_into_id from chain join customer_row next on next.id = chain.owner_id
    where next.merged_into_id is not null
)
select chain.id, case when last.erased_at is null then last.id end as owner_id
from chain join customer_row last on last.id = chain.owner_id and last.merged_into_id is null
union all
select id, null from customer_row where erased_at is not null and merged_into_id is null
"""

# Customers who were merged, parted or erased since the last snapshot without having been asked for.
REGROUPED_UNASKED: Final = """
count(*) from {new} new join customer_row old on old.id = new.id
where (old.merged_into_id is distinct from new.merged_into_id or (old.erased_at is null) <> (new.erased_at is null))
    and new.id not in (from regrouped)
"""

# The customer a row belongs to; rows of erased customers and of guests fall away where `owner` is missing.
OWNER: Final = "case when moved.id is null then {customer} else moved.owner_id end"

# What a line earned by its product's present cost; missing where none is known, in another currency, or beyond what
# money holds: one absurd line must not keep everybody's snapshot from being built.
MARGIN: Final = """case when coalesce(product.currency, {currency}) = {currency}
    then try(({line}.amount - {line}.quantity * product.cost_amount)::decimal(16, 4)) end"""

LINES: Final = f"""
select line.id, line.order_id, line.product_id, {OWNER.format(customer="sale.customer_id")} as customer_id,
    coalesce(line.ts, sale.ts) as ts, sale.kind, line.sku, product.name as product, product.category,
    line.quantity, line.unit_amount, line.amount,
    {MARGIN.format(currency="sale.currency", line="line")} as margin_amount, sale.channel, sale.currency
from {{lines}} line
join order_row sale on sale.id = line.order_id
left join product_row product on product.id = line.product_id
left join moved on moved.id = sale.customer_id
where sale.customer_id is not null and (moved.id is null or moved.owner_id is not null)
order by sale.kind, coalesce(line.ts, sale.ts), line.id
"""

# Lines show their product's present name, category and cost, and their orders, as events, the category and margin.
RENAME_LINES: Final = f"""
update order_line set product = product.name, category = product.category,
    margin_amount = {MARGIN.format(currency="order_line.currency", line="order_line")}
from product_row product where product.id = order_line.product_id and product.id in (from renamed)
"""
RETELL_ORDERS: Final = """
insert into new_order_row from order_row where id not in (select id from new_order_row)
    and id in (select order_id from order_line where product_id in (from renamed))
"""

# An order is an event too; its id is negative. Its sale_amount is what counts as a purchase, missing when nothing does;
# its margin_amount is of those same lines, missing when that of one is, and a return's of all its lines.
ORDER_EVENTS: Final = f"""
select -sale.id as id, {OWNER.format(customer="sale.customer_id")} as customer_id,
    case sale.kind when 'sale' then 'order' else 'return' end as type, sale.ts, sale.total_amount as value,
    sale.channel, lines.category, null::varchar as properties, sale.source,
    case when sale.kind <> 'sale' then null
         when lines.order_id is null then case when sale.total_amount > 0 then sale.total_amount end
         else lines.sale_amount end as sale_amount,
    case sale.kind when 'sale' then lines.sale_margin else lines.margin end as margin_amount
from {{orders}} sale
left join (
    select order_id,
        case when sum(amount) filter (quantity > 0 and unit_amount > 0) > {MOST} then {MOST}
            else sum(amount) filter (quantity > 0 and unit_amount > 0) end::decimal(16, 4) as sale_amount,
        case when bool_and(margin_amount is not null) filter (quantity > 0 and unit_amount > 0)
            then try_cast(sum(margin_amount) filter (quantity > 0 and unit_amount > 0) as decimal(16, 4))
            end as sale_margin,
        case when bool_and(margin_amount is not null) then try_cast(sum(margin_amount) as decimal(16, 4)) end as margin,
        max({{{{'amount': amount, 'category': category}}}}) filter (category is not null)['category'] as category
    from order_line group by order_id
) lines on lines.order_id = sale.id
left join moved on moved.id = sale.customer_id
where sale.kind in ('sale', 'return') and sale.customer_id is not null
    and (moved.id is null or moved.owner_id is not null)
"""

EVENTS: Final = f"""
select event.id, {OWNER.format(customer="event.customer_id")} as customer_id, event.type, event.ts, event.value,
    event.channel, event.category, event.properties, event.source, null::decimal(16, 4) as sale_amount,
    null::decimal(16, 4) as margin_amount
from {{events}} event left join moved on moved.id = event.customer_id
"""

# Neighbours in the file are of one type and time, so that a rule reads only the part it needs.
IN_ORDER: Final = "order by type, ts, id"

# Once events were rewritten, all of a changed customer come (`by_customer`): one that does not was deleted. Not so
# where somebody counts as the customer who was not read.
READ_WHOLE: Final = """(id > 0 and customer_id in (
    select id from new_customer_row where id not in (
        select owner_id from moved where owner_id is not null and id not in (select id from new_customer_row)
    )
))"""

# Customers whose events changed, beside those whose events were taken away; and those who changed themselves, or whom
# others count as now.
TOUCHED: Final = """
insert into touched
select customer_id from late union select id from new_customer_row
union select owner_id from moved where id in (select id from new_customer_row)
"""

CONSENT: Final = """
create or replace view consent as
select consent_row.customer_id, purpose, channel, is_granted, since_at, expires_at
from consent_row anti join moved on moved.id = consent_row.customer_id
"""

# What each person had said last by a moment; at one time no wins. States without a line of the ledger are as they are.
CONSENT_THEN: Final = """
create or replace temp table consent as
with said as (
    select distinct on (customer_id, purpose, channel) customer_id, purpose, channel,
        act = 'granted' as is_granted, ts as since_at, expires_at
    from consent_entry where ts <= ? order by customer_id, purpose, channel, ts desc, act desc, id
)
from said anti join moved on moved.id = said.customer_id
union all
select customer_id, purpose, channel, is_granted, since_at, expires_at
from main.consent anti join consent_entry using (customer_id, purpose, channel)
"""

# HMAC-SHA256 (RFC 2104) with the two padded keys given as blobs, as in the suppression list.
ADDRESS_KEY: Final = "sha256($outer || unhex(sha256($inner || encode({address}))))"

# The postal columns as crm.addresses writes them: lower case, one space between words.
POSTAL_FORMS: Final = {
    column: f"lower(trim(regexp_replace({column}, '\\s+', ' ', 'g')))" for column in addresses.POSTAL
} | {"region": addresses.REGION.casefold()}

# The message is what crm.addresses signs: the kind and the normal form of the address.
REACH: Final = """
with address as (
    select id as customer_id, unnest([
        {{'channel': 'email', 'message': 'email:' || nullif(lower(trim(email)), '')}},
        {{'channel': 'sms', 'message': 'phone:' || nullif(trim(phone), '')}},
        {{'channel': 'phone', 'message': 'phone:' || nullif(trim(phone), '')}},
        {{'channel': 'post', 'message': 'post:' || nullif({street}, '') || chr(10)
            || replace({postal_code}, ' ', '') || chr(10) || {city} || chr(10)
            || coalesce(nullif({country}, ''), '{region}')}}
    ], recursive := true)
    from {customers} where merged_into_id is null and erased_at is null
)
select customer_id, address.channel, message is not null as has_address, {suppressed} as is_suppressed from address
"""
NOBODY_SUPPRESSED: Final = "false"
SUPPRESSED: Final = f"""message is not null and exists (
    from suppression_row s where s.channel in (address.channel, 'any')
        and s.address_key = {ADDRESS_KEY.format(address="message")})"""

# Past values of given fields: from a change on, or from the beginning, until the next change.
FIELD_HISTORY: Final = """
with step as (
    select id, customer_id, ts, unnest(json_keys(changes)) as name, changes from {changes}
), valued as (
    select id, customer_id, ts, regexp_replace(name, '^attributes\\.', '') as field,
        json_extract_string(changes, '$."' || name || '"[0]') as before,
        json_extract_string(changes, '$."' || name || '"[1]') as after
    from step
)
select customer_id, field, before as value,
    lag(ts) over earlier as from_at, ts as to_at
from valued window earlier as (partition by customer_id, field order by ts, id)
union all
select customer_id, field, max_by(after, (ts, id)), max(ts), null from valued group by customer_id, field
"""
