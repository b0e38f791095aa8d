-- A quoted value that never ends.
create table t (id int primary key, a text, b int not null);
copy t from stdin (format csv);
1,"unterminated,1
\.
