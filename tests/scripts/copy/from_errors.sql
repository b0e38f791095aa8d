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
\copy t (nosuch) from '/dev/null'
\copy nosuch from '/dev/null'
\copy t from '/dev/null' (format nosuch)
\copy t from '/dev/null' (delimiter 'ab')
\copy t from '/dev/null' (nosuch 1)
\copy t (id, id) from '/dev/null'
select * from t;
select 1;
