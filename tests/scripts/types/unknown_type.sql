-- Types that do not exist, and modifiers where none belong.
select 1::nosuch;
create table x (a nosuch);
create table x (a int(4));
select cast(1 as nosuch);
select '1'::int::text::int + 1, cast('5' as int8), int '7', float8 '1.5', date '2024-01-01', text 'abc', bool 'true';
select int 'x';
select true::date;
select 1::bytea;
select date '2024-01-01'::int;
select 1.5::bool;
select '1'::uuid::int;
