-- VALUES as a statement and in FROM.
values (1, 'a'), (2, 'b'), (3, null);
values (1), (2.5), (null);
values (1, 2), (3);
values (1), ('x');
values ('a'), (1);
values (3), (1), (2) order by 1;
values (3), (1), (2) order by column1 desc limit 2;
select * from (values (1, 'one'), (2, 'two')) as v (n, word) order by n desc;
select column1, column2 from (values (1, 2)) as v;
select v.n + 1 from (values (1), (2)) v (n) order by 1;
select * from (values (1, 2)) as v (a, b, c);
