-- psql's output forms on what the server describes.
create table t (id int primary key, n numeric, b bool, s text);
insert into t values (1, 1.5, true, 'text'), (2, null, false, null);
\x on
select * from t order by id;
\x off
\pset null '(null)'
select * from t order by id;
\pset format unaligned
select * from t order by id;
\pset format csv
select * from t order by id;
\pset format aligned
\pset border 2
select * from t order by id;
\pset tuples_only on
select * from t order by id;
