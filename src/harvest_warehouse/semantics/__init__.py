"""Semantic model: what the marts' columns measure, metrics with their units and proofs, and questions with verified SQL."""

from __future__ import annotations

from harvest_warehouse.semantics.model import Metric, Proof, Question, SemanticModel, semantic_model

__all__ = ["Metric", "Proof", "Question", "SemanticModel", "semantic_model"]
