-- Comments, case, white space and semicolons.
SELECT 1 AS "One", 2 AS Two; -- trailing comment
/* block */ select /* inner /* nested */ still */ 1;
select
  1
    ,
  2
;
SeLeCt 1 as a WHERE tRuE;
;
select 1; select 2; select 3;
create table "CamelCase" ("Id" int primary key);
insert into "CamelCase" values (1);
select "Id" from "CamelCase";
select Id from "CamelCase";
select * from CamelCase;
