-- Nothing is known before it happened.
{% test known_after_event(model, event, known) %}
select * from {{ model }} where {{ known }} < {{ event }}
{% endtest %}
