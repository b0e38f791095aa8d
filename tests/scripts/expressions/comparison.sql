-- Comparison, BETWEEN and row order.
select 1 < 2, 1 > 2, 1 <= 1, 1 >= 2, 1 = 1, 1 <> 1, 1 != 1;
select 2 between 1 and 3, 0 between 1 and 3, 2 not between 1 and 3, 2 between 3 and 1, 2 between symmetric 3 and 1, null between 1 and 2, 1 between null and 0;
select 'b' between 'a' and 'c', 1.5 between 1 and 2, date '2024-01-15' between '2024-01-01' and '2024-02-01';
select (1, 2) = (1, 2), (1, 2) < (1, 3), (1, null) = (1, 2), (1, null) = (2, null), (2, null) > (1, null);
select (1, 2) = (1, 2, 3);
select 1 < 2 < 3;
select 1 = 'one';
