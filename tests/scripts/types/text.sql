-- text: literals, escapes, order by byte, operators.
select 'a', 'it''s', '', 'tab	here', E'new\nline', E'q\'q', E'\\', E'\x41\101\u0042', U&'\0041\+000042';
select 'con' 'cat';
select 'con'
'cat';
select $$dollar 'quoted'$$, $tag$with $$ inside$tag$;
select 'a' || 'b', 'a' || null, 'n' || 1, 1 || 'n', 'x' || 1.5 || true;
select 'a' = 'a', 'a' < 'b', 'A' < 'a', 'Z' < 'a', 'abc' < 'abd', 'ab' < 'abc', '' < 'a';
select length('äöü'), octet_length('äöü'), char_length('abc'), upper('abc'), lower('ABC');
select 'a'::text = 'a'::varchar, 'a '::char(3) = 'a'::char(5), 'a '::text = 'a';
create table t (id int primary key, v text);
insert into t values (1, 'b'), (2, 'a'), (3, 'B'), (4, ''), (5, null), (6, 'ä'), (7, 'aa'), (8, 'a b');
select * from t order by v, id;
select * from t order by v desc, id;
select * from t where v >= 'a' and v < 'b' order by id;
select min(v), max(v), count(v), count(distinct v) from t;
select E'\xff';
select 'unterminated
';
select E'bad \u00';
