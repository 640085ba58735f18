{# Whether two figures are of one instrument, moment, metric and unit. #}
{% macro same_figures(a, b) %}{% for c in ["instrument_id", "known_at", "metric", "unit"] %}{{ a }}.{{ c }} = {{ b }}.{{ c }}{{ " and " if not loop.last }}{% endfor %}{% endmacro %}
{# Whether one input was restated after another, never restated, was last said. #}
{% macro mixed_bases(tables) %}coalesce(
    greatest({% for t in tables %}{{ t }}.changed_at{{ ", " if not loop.last }}{% endfor %})
    > least({% for t in tables %}case when {{ t }}.changed_at is null then {{ t }}.said_at end{{ ", " if not loop.last }}{% endfor %}),
    false){% endmacro %}
