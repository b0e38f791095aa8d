-- Regular expressions: the longest match of those that begin first, unless the first quantifier wants the shortest.
select substring('foobar' from 'foo|foob'), 'foob' ~ '^(foo|foob)$', regexp_replace('xabcabx', 'ab|abc', 'Z', 'g');
select regexp_match('abcd', 'a|ab|abc'), regexp_match('foobar', 'o+?b'), regexp_match('aaa', 'a*?'), regexp_match('abab', '(ab|a)(bab)?');
select regexp_match('XY1234Z', 'Y*([0-9]{1,3})'), regexp_match('XY1234Z', 'Y*?([0-9]{1,3})');
select regexp_match('abc01234xyz', '(.*)(\d+)(.*)'), regexp_match('abc01234xyz', '(?:(.*?)(\d+)(.*)){1,1}');
select regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g');
select regexp_matches('abc', 'b*', 'g');
select regexp_replace('abc', 'b*', 'X', 'g'), regexp_replace('abc', 'x*', '-', 'g'), regexp_replace('abc', '$', '!'), regexp_replace('abc', '^', '!', 'g');
select regexp_split_to_array('abc', ''), regexp_split_to_array('a1b22c', '\d+'), regexp_split_to_array('a,b,', ','), regexp_split_to_array('', 'x'), regexp_split_to_array('aXbxc', 'x', 'i');
select regexp_split_to_table('the quick brown', '\s+');
select regexp_count('ABCABC', 'B'), regexp_count('abcabc', 'abc|ab', 2), regexp_instr('ABC', 'B'), regexp_instr('abcabc', 'c', 1, 2), regexp_instr('abcabc', '(b)(c)', 1, 1, 1, '', 2), regexp_instr('abc', 'x'), regexp_like('ABC', 'b', 'i'), regexp_substr('ABC', 'B.|B');
select regexp_replace('abcabc', '^a', 'x', 2), regexp_replace('aaa', 'a', 'b', 1, 2), regexp_replace('hello', 'l+', '<\&>'), regexp_replace('ab', '(a)(b)', '\2\1');
select 'abc' ~ 'b', 'abc' ~ '^b', 'ABC' ~* 'b', 'abc' !~ 'b', 'abc' !~* 'B', 'a1' ~ '\d', 'abc' ~ '[[:alpha:]]+';
select 'abc' ~ '(';
select 'abc' ~ '*';
select regexp_instr('a', 'a', 0), 1;
select regexp_instr('a', 'a', 1, 1, 2);
select substring('foobar' from 'o(.)b'), substring('foobar', 'x'), substring('a.b' from '***=.');
select substring('abcdefg' from 'a(b|bc|bcd)d?e?');
