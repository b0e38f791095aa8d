-- psql's variables, \gset, \if and \gexec.
\set x 5
select :x + 1;
\set name 'abc'
select :'name', :"name" from (select 1 as abc) s;
select 42 as answer, 'text' as word \gset
select :answer, :'word';
select 1 as a \gset p_
\echo :p_a
\if true
select 'taken';
\endif
select 'select ' || i from generate_series(1, 3) i \gexec
select 1 as one, 2 as two \gx
select 1, 2 \g
\echo :ROW_COUNT :ERROR :SQLSTATE
select nosuch;
\echo :ROW_COUNT :ERROR :SQLSTATE :LAST_ERROR_MESSAGE
select 1 as x, 'a' as y, null as z \gdesc
