-- COPY FROM in text format.
create table t (id int primary key, a text, b numeric(6,2), c bool, d date);
copy t from stdin;
1	plain	1.50	t	2024-01-01
2	\N	\N	\N	\N
3	tab\there	2	f	1999-12-31
4	back\\slash	3	true	2000-02-29
5		0	no	epoch
6	new\nline	-1	1	infinity
\.
select * from t order by id;
copy t (id, c) from stdin;
10	t
11	f
\.
copy t (id, a) from stdin with (delimiter '|', null 'NIL');
20|x
21|NIL
22|a\|b
\.
copy t (a, id) from stdin (format text);
swapped	30
\.
select id, a, c from t where id >= 10 order by id;
copy t (id) from stdin;
\.
select count(*) from t;
