-- Aggregates over everything, nothing and NULLs.
create table a (i int2, j int4, k int8, f float8, n numeric, t text, d date);
select count(*), count(i), sum(i), sum(j), sum(k), sum(f), sum(n), avg(i), avg(f), min(t), max(d) from a;
insert into a values (1, 1, 1, 1.5, 1.50, 'b', '2024-01-01'), (2, 2, 2, 2.5, 2.25, 'a', '2023-01-01'), (null, null, null, null, null, null, null);
select count(*), count(i), sum(i), sum(j), sum(k), sum(f), sum(n) from a;
select avg(i), avg(j), avg(k), avg(f), avg(n) from a;
select min(i), max(i), min(f), max(f), min(n), max(n), min(t), max(t), min(d), max(d) from a;
select pg_typeof(sum(i)), pg_typeof(sum(j)), pg_typeof(sum(k)), pg_typeof(sum(f)), pg_typeof(sum(n)), pg_typeof(avg(i)), pg_typeof(avg(f)), pg_typeof(count(*)) from a;
insert into a (k, j) values (9223372036854775807, 2147483647);
select sum(k), sum(j), avg(k) from a;
select count(distinct i), sum(distinct j) from a;
select string_agg(t, ',' order by t) from a;
select sum(t) from a;
select sum(*) from a;
select count() from a;
select avg('x') from a;
select max(j) - min(j) as spread, count(*) * 2 from a;
select sum(i) filter (where i > 1), count(*) filter (where i is null) from a;
select stddev(f), variance(f), bool_or(i > 1) from a;
