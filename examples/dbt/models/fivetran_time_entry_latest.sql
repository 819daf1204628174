-- Fivetran captures every version of a row: the latest counts, unless it is deleted.
select *
from (
    select *, row_number() over (partition by id order by updated_at desc, _fivetran_synced desc) as version
    from {{ source('fivetran_harvest', 'time_entry') }}
    where _fivetran_deleted is false
) as versions
where version = 1
