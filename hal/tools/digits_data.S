/* SPDX-License-Identifier: MIT */
/* The files of digits/data, as they are. */
	.section .rodata

	.macro file symbol, name
	.balign 16
	.globl \symbol
	.globl \symbol\()_end
	.hidden \symbol
	.hidden \symbol\()_end
\symbol:
	.incbin "\name"
\symbol\()_end:
	.endm

	file halyard_digits_f32, DIGITS_F32
	file halyard_digits_int8, DIGITS_INT8
	file halyard_digits_test, DIGITS_TEST

	.section .note.GNU-stack, "", @progbits
