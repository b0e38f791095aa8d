-- COPY FROM in CSV format.
create table t (id int primary key, a text, b text);
copy t from stdin with (format csv);
1,plain,"quoted, with comma"
2,,""
3,"double ""quotes""",x
4,"two
lines",y
5, spaces kept ,z
\.
copy t from stdin csv header;
id,a,b
10,x,y
\.
copy t from stdin (format csv, delimiter ';', quote '''', null 'NULL');
20;'it''s';NULL
21;NULL;'NULL'
\.
copy t from stdin (format csv, escape '\');
30,"a\"b",c
\.
copy t (id, b) from stdin (format csv, force_null (b));
40,""
\.
select id, a, b, a is null as a_null, b is null as b_null from t order by id;
