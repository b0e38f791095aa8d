-- What is wrong with the data, with the line and the column.
create table t (id int primary key, a text, b int not null);
copy t from stdin;
1	x	1
2	y
\.
copy t from stdin;
1	x	1	extra
\.
copy t from stdin;
1	x	1
zwei	y	2
\.
copy t from stdin;
1	x	1
1	y	2
\.
copy t from stdin;
1	x	\N
\.
copy t from stdin;
99999999999	x	1
\.
copy t (nosuch) from stdin;
\.
copy nosuch from stdin;
\.
copy t from stdin (format nosuch);
\.
copy t from stdin (delimiter 'ab');
\.
copy t from stdin (nosuch 1);
\.
copy t (id, id) from stdin;
\.
select * from t;
select 1;
