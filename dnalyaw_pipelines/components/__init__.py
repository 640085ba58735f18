"""Components: what a YAML file under ``defs/`` can declare."""

from dnalyaw_pipelines.components.factor_set import FactorSet
from dnalyaw_pipelines.components.feed import Feed
from dnalyaw_pipelines.components.marts import Marts
from dnalyaw_pipelines.components.model import Model
from dnalyaw_pipelines.components.rebalance import Rebalance
from dnalyaw_pipelines.components.strategy import Strategy

__all__ = ["FactorSet", "Feed", "Marts", "Model", "Rebalance", "Strategy"]
