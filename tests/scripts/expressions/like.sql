-- LIKE and ILIKE.
select 'abc' like 'abc', 'abc' like 'a%', 'abc' like '%c', 'abc' like '_b_', 'abc' like 'c', 'abc' like '%b%', 'abc' like '';
select 'abc' not like 'a%', null like 'a', 'a' like null, 'ABC' ilike 'abc', 'ABC' like 'abc', 'ABC' not ilike 'x%';
select 'a%c' like 'a\%c', 'abc' like 'a\%c', 'a_c' like 'a\_c', 'a%c' like 'a#%c' escape '#', 'a\c' like 'a\\c';
select 'a' like 'a\';
select 'äöü' like '_ö_', 'äöü' like '___', 'äöü' like '__';
select '' like '%', '' like '_', 'aaa' like '%a%a%a%', 'ab' like '%%b';
select 'abc' ~~ 'a%', 'abc' !~~ 'a%', 'ABC' ~~* 'a%';
create table l (id int primary key, v text);
insert into l values (1, 'apple'), (2, 'apricot'), (3, 'banana'), (4, null), (5, 'Apple');
select * from l where v like 'ap%' order by id;
select * from l where v not like 'ap%' order by id;
select * from l where v ilike 'ap%' order by id;
select 1 like 'a';
