-- char(n): padded in storage, blanks do not count.
select 'ab'::char(5), 'ab'::char(5) || '|', length('ab'::char(5)), octet_length('ab'::char(5));
select 'abcdef'::char(3), 'abc'::char, 'x'::char(1) = 'x ', 'a'::char(3) = 'a  '::char(5);
select ('a'::char(3))::text || '|', 'a  '::text = 'a'::char(3);
create table c (id int primary key, v char(4));
insert into c values (1, 'ab'), (2, 'abcd'), (3, 'ab  '), (4, ''), (5, null), (6, 'abcd    ');
insert into c values (7, 'abcde');
select id, v, length(v), '[' || v || ']' as boxed from c order by id;
select id from c where v = 'ab' order by id;
select v, count(*) from c group by v order by v;
select distinct v from c order by v;
