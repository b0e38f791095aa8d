-- bytea: hex and escape input, hex output.
select '\x'::bytea, '\xdeadBEEF'::bytea, 'abc'::bytea, '\\'::bytea, '\001\377'::bytea, E'\\x00ff'::bytea;
select '\xabc'::bytea;
select '\xzz'::bytea;
select 'a\1'::bytea;
select length('\x0001ff'::bytea), octet_length('\x0001ff'::bytea), '\x01'::bytea || '\x02'::bytea;
select '\x01'::bytea < '\x02'::bytea, '\x01'::bytea < '\x0100'::bytea, '\xff'::bytea = '\xFF'::bytea;
select encode('\xdeadbeef'::bytea, 'hex'), encode('hello'::bytea, 'base64'), decode('aGVsbG8=', 'base64'), decode('00ff', 'hex');
create table y (k bytea primary key, v int);
insert into y values ('\x00', 1), ('\x', 2), ('\x0000', 3), ('\xff', 4), ('\x01', 5), ('\x00ff', 6);
insert into y values ('\x00', 7);
select * from y order by k;
select v from y where k = '\x0000';
select v from y where k > '\x00' order by k desc;
