-- COPY TO in both formats.
create table t (id int primary key, a text, b numeric, c bool, d date, e bytea);
insert into t values (1, 'plain', 1.50, true, '2024-01-01', '\x00ff'), (2, null, null, null, null, null), (3, E'tab\tnew\nline', 0, false, 'infinity', ''), (4, 'back\slash', -1, true, 'epoch', '\x5c'), (5, '', 1, null, null, null), (6, 'comma, "quote"', 2, null, null, null), (7, '\N', null, null, null, null);
copy t to stdout;
copy t to stdout (format csv);
copy t (a, id) to stdout csv header;
copy t to stdout with (delimiter '|', null 'nil');
copy t to stdout (format csv, delimiter ';', quote '''', null 'NULL', force_quote (a));
copy (select id, a from t where id < 3 order by id desc) to stdout;
copy (select 1, 'x', null) to stdout (format csv);
copy (select id from t where false) to stdout;
copy nosuch to stdout;
copy (select nosuch) to stdout;
copy t (nosuch) to stdout;
copy t to stdout (format csv, force_quote *);
