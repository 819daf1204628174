-- one row per two dated rates of a person and kind that hold on the same day
select
  one.account_id,
  one.user_id,
  one.rate_kind,
  one.rate_id,
  another.rate_id as other_rate_id,
  one.valid_from,
  one.valid_to,
  another.valid_from as other_valid_from,
  another.valid_to as other_valid_to
from dim_person_rate as one
inner join dim_person_rate as another
  on one.account_id = another.account_id
  and one.user_id = another.user_id
  and one.rate_kind = another.rate_kind
  and one.rate_id < another.rate_id
where
  one.valid_from <= another.valid_to
  and another.valid_from <= one.valid_to
