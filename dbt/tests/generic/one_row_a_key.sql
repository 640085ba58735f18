-- A key names one row.
{% test one_row_a_key(model, columns) %}
select {{ columns | join(", ") }}, count(*) as n from {{ model }} group by {{ columns | join(", ") }} having count(*) > 1
{% endtest %}
