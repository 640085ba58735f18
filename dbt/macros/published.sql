-- One of the published tables as of the decision moment: a Parquet file for DuckDB, a loaded table in PostgreSQL.
{% macro published(table) %}{{ return(adapter.dispatch("published", "dnalyaw")(table)) }}{% endmacro %}

{% macro default__published(table) %}
    {{ return(adapter.quote(var("inputs_schema")) ~ "." ~ adapter.quote(table)) }}
{% endmacro %}

{% macro duckdb__published(table) %}
    {{ return("read_parquet('" ~ var("inputs") ~ "/" ~ table ~ ".parquet')") }}
{% endmacro %}
