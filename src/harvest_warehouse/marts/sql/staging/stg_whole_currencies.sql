-- one row per currency without a smaller unit (ISO 4217)
select
  currency
from (
  select 'BIF' as currency
  union all
  select 'CLP' as currency
  union all
  select 'DJF' as currency
  union all
  select 'GNF' as currency
  union all
  select 'ISK' as currency
  union all
  select 'JPY' as currency
  union all
  select 'KMF' as currency
  union all
  select 'KRW' as currency
  union all
  select 'PYG' as currency
  union all
  select 'RWF' as currency
  union all
  select 'UGX' as currency
  union all
  select 'UYI' as currency
  union all
  select 'VND' as currency
  union all
  select 'VUV' as currency
  union all
  select 'XAF' as currency
  union all
  select 'XOF' as currency
  union all
  select 'XPF' as currency
) as found
