// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * FormatMessage: the texts of the library's error codes, in both widths.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define FROM_SYSTEM	FORMAT_MESSAGE_FROM_SYSTEM
#define ALLOCATE	FORMAT_MESSAGE_ALLOCATE_BUFFER

TEST(text_ends_in_a_line_break)
{
	char text[64];

	EXPECT_EQ(21, FormatMessageA(FROM_SYSTEM, NULL, WAIT_TIMEOUT, 0, text,
				     sizeof(text), NULL));
	EXPECT_STREQ("The wait timed out.\r\n", text);
}

TEST(wide_text_is_the_same)
{
	char text[200];
	WCHAR wide[200];
	DWORD i, length;

	length = FormatMessageA(FROM_SYSTEM, NULL, WSAEWOULDBLOCK, 0, text, 200, NULL);
	EXPECT_LT(2, length);
	EXPECT_EQ(length, FormatMessageW(FROM_SYSTEM, NULL, WSAEWOULDBLOCK, 0, wide,
					 200, NULL));
	for (i = 0; i <= length; i++)
		EXPECT_EQ((WCHAR)text[i], wide[i]);
}

TEST(buffer_is_allocated_and_the_line_break_left_out)
{
	char *text = NULL;

	EXPECT_EQ(20, FormatMessageA(FROM_SYSTEM | ALLOCATE |
				     FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL, WAIT_TIMEOUT,
				     0, (LPSTR)&text, 0, NULL));
	ASSERT_NE(NULL, text);
	EXPECT_STREQ("The wait timed out. ", text);
	EXPECT_EQ(NULL, LocalFree(text));
}

TEST(buffer_that_is_too_small_is_not_touched)
{
	char text[21] = "as it was";
	WCHAR wide[21] = { 'w' };

	EXPECT_EQ(0, FormatMessageA(FROM_SYSTEM, NULL, WAIT_TIMEOUT, 0, text, 21, NULL));
	EXPECT_EQ(ERROR_INSUFFICIENT_BUFFER, GetLastError());
	EXPECT_STREQ("as it was", text);
	EXPECT_EQ(0, FormatMessageW(FROM_SYSTEM, NULL, WAIT_TIMEOUT, 0, wide, 21, NULL));
	EXPECT_EQ(ERROR_INSUFFICIENT_BUFFER, GetLastError());
	EXPECT_EQ('w', wide[0]);
}

/* Programs give texts so much room without much thought. */
TEST(every_text_fits_into_256_characters)
{
	char text[256];
	DWORD code, found = 0;

	for (code = 0; code < 13000; code++) {
		if (FormatMessageA(FROM_SYSTEM, NULL, code, 0, text, 256, NULL))
			found++;
		else
			EXPECT_EQ(ERROR_MR_MID_NOT_FOUND, GetLastError());
	}
	EXPECT_LT(50, found);
}

TEST(code_without_a_text_fails)
{
	char text[64];

	EXPECT_EQ(0, FormatMessageA(FROM_SYSTEM, NULL, 123456, 0, text, 64, NULL));
	EXPECT_EQ(ERROR_MR_MID_NOT_FOUND, GetLastError());
}

TEST_HARNESS_MAIN
