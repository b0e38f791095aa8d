-- String functions that applications use every day.
select length('abc'), upper('aBc'), lower('aBc'), initcap('hello world');
select substring('abcdef' from 2 for 3), substring('abcdef', 3), substr('abcdef', 2, 2), left('abc', 2), right('abc', 2), left('abc', -1), right('abc', -1);
select substring('abc' from -1 for 3), substring('abc', 2, 0);
select substring('abc', 2, -1);
select position('c' in 'abcabc'), strpos('abcabc', 'ca'), position('x' in 'abc');
select trim('  a '), ltrim('  a '), rtrim('  a ') || '|', btrim('xxaxx', 'x'), trim(both 'x' from 'xxaxx'), trim(leading from '  a');
select replace('abcabc', 'b', 'XX'), repeat('ab', 3), reverse('abc'), lpad('5', 3, '0'), rpad('5', 3) || '|', lpad('abcd', 2);
select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', 5), concat('a', null, 1, true), concat_ws(',', 'a', null, 'b');
select ascii('a'), chr(97), md5('hello'), to_hex(255), translate('abc', 'ab', 'x');
select starts_with('abc', 'ab'), strpos('abc', ''), overlay('abcdef' placing 'XX' from 2 for 3);
select format('%s is %s', 'a', 1), quote_ident('a b'), quote_literal('it''s');
select length(1);
select nosuchfunction(1);
select upper();
select upper(1, 2);
