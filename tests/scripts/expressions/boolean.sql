-- Three-valued logic, precedence of not, and, or.
select true and true, true and false, false or true, not false;
select null and false, null and true, null or true, null or false, not null;
select not true and false, not (true and false), true or false and false;
select 1 = 1 and 2 = 2, 1 < 2 = true, 1 is null, null is null, 1 is not null;
select 1 is distinct from 2, 1 is distinct from null, null is distinct from null, 1 is not distinct from 1;
select 1 and true;
select 'a' and true;
select not 1;
select 't' and true, 'f' or false;
select 1 where null;
select 1 where 'x';
select 1 where 1;
