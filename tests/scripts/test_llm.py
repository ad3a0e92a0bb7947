# SPDX-License-Identifier: MIT
"""Tables of what chips support of ggml's operations."""

import unittest

import support as _support  # it knows where the scripts are  # noqa: F401
from halyard_llm import support  # isort: skip

ANSWERS = {
    "one": [("ADD", "type=f32", True), ("ADD", "type=f16", False), ("MUL_MAT", "type_a=q4_0,type_b=f32", True), ("SUM", "type=f32", False)],
    "other": [("ADD", "type=f32", True), ("ADD", "type=f16", True), ("MUL_MAT", "type_a=q4_0,type_b=f32", False), ("SUM", "type=f32", False)],
}


class Tables(unittest.TestCase):
    def test_a_line_tells_of_each_chip(self):
        rows = support.table("Operation", ANSWERS, lambda operation, _parameters: operation)
        self.assertEqual(rows[0], ["Operation", "one", "other"])
        self.assertEqual(rows[1:], [["ADD", "1 of 2", "all"], ["MUL_MAT", "all", "none"], ["SUM", "none", "none"]])

    def test_weights_are_those_of_products(self):
        rows = support.table("Weights", ANSWERS, support.weights_of)
        self.assertEqual(rows[1:], [["q4_0", "all", "none"]])


if __name__ == "__main__":
    unittest.main()
