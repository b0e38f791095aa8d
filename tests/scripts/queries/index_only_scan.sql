-- An index whose entries carry what is asked answers alone.
create table t (id bigint primary key, a int, b text, n numeric, m numeric(8,2), f float8, c char(5), pad text);
insert into t select i, i % 1000, 'b' || i, i, i / 4.0, i / 2.0, 'c' || i % 10, repeat('x', 100)
  from generate_series(1, 20000) i;
create index t_a on t (a, id);
create unique index t_b on t (b) include (n, f);
create index t_m on t (m desc nulls last);
create index t_c on t (c, a);
create index t_f on t (f);
vacuum analyze t;

explain (costs off) select id from t where a = 7;
explain (costs off) select a, id from t where a = 7 order by id;
explain (costs off) select n, f from t where b = 'b77';
explain (costs off) select m from t where m between 1 and 1.25;
explain (costs off) select pad from t where b = 'b77';
explain (costs off) select a, id from t where a = 7 order by id desc limit 3;
explain (costs off) select b from t where b = 'b77' for update;

select id from t where a = 7 and id < 5000 order by id;
select a, id from t where a = 7 order by id desc limit 3;
select n, f, b from t where b = 'b77';
select m from t where m between 1 and 1.75 order by m;
select c, a, c || '|' as padded from t where c = 'c3' and a between 1 and 30 order by a limit 4;
select count(*) from t where a = 7;
select f from t where f = 3;
select exists (select 1 from t where a = 7), exists (select 1 from t where a = 1007);

-- What a key does not keep is read from the row.
create table lost (id int primary key, n numeric, f float8, i interval, c bpchar, r numeric[]);
insert into lost values (1, 1.50, '-0', '1 mon', 'a  ', '{1.0}'), (2, 1.5, '0', '30 days', 'a', '{1.00}');
create index lost_n on lost (n);
create index lost_f on lost (f);
create index lost_i on lost (i);
create index lost_c on lost (c);
create index lost_r on lost (r);
select n from lost where n = 1.5 order by n, id;
select f from lost where f = 0 order by f, id;
select i from lost where i = '1 mon' order by i, id;
select octet_length(c) from lost where c = 'a' order by c, id;
select r from lost where r = '{1}' order by r, id;

-- NULLs, at either end.
create table nulls (id int primary key, a int, b int, pad text);
insert into nulls values (1, null, 1), (2, 2, null), (3, null, null), (4, 4, 4), (5, 4, 4);
create index nulls_ab on nulls (a, b desc nulls last);
create unique index nulls_b on nulls (b, id) include (a);
select a, b, id from nulls where a is null order by a, b desc nulls last, id;
select a, b from nulls where a = 4 order by b;
select a, b, id from nulls order by a nulls first, b, id;
select a from nulls where b is null order by b, id;
select a from nulls where b = 4 and id = 5;

-- Own changes, savepoints.
begin;
update t set a = 8 where id = 1007;
delete from t where id = 7;
insert into t (id, a, b) values (0, 7, 'new');
select id from t where a = 7 and id < 5000 order by id;
savepoint s;
update t set id = -id where a = 7 and id = 2007;
delete from t where id = 0;
select id from t where a = 7 and id < 5000 order by id;
rollback to s;
select id from t where a = 7 and id < 5000 order by id;
update t set n = 1.000 where b = 'b77';
select n, f, b from t where b = 'b77';
rollback;
select id from t where a = 7 and id < 5000 order by id;
select n, f, b from t where b = 'b77';

-- Joins and subqueries.
create table u (k int primary key, w text);
insert into u values (1, 'one'), (2, 'two');
select u.w, count(t.id), min(t.id) from u join t on t.a = u.k group by u.w order by 1;
select k from u where exists (select 1 from t where t.a = u.k) order by k;
select k, (select max(id) from t where t.a = u.k) from u order by k;
drop table t, lost, nulls, u;
