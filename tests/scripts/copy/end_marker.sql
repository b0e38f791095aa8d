-- The end of the data, alone on its line, behind data, and with something behind it.
create table t (a int, b text);
copy t from stdin;
1	\x41\101\b
2	\q\\
\.
copy t from stdin;
3	\.x
\.
copy t to stdout;
