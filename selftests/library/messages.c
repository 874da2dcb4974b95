// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * FormatMessage: the texts of the library's error codes, in both widths.
 */
#include <string.h>

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

/* What files, modules, variables and texts fail with. */
TEST(codes_of_files_and_the_like_have_texts)
{
	static const DWORD codes[] = {
		ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_WRITE_PROTECT,
		ERROR_SEEK, ERROR_FILE_EXISTS, ERROR_BUFFER_OVERFLOW, ERROR_DISK_FULL,
		ERROR_MOD_NOT_FOUND, ERROR_PROC_NOT_FOUND, ERROR_NEGATIVE_SEEK,
		ERROR_BAD_ARGUMENTS, ERROR_INVALID_ORDINAL, ERROR_ENVVAR_NOT_FOUND,
		ERROR_FILENAME_EXCED_RANGE, ERROR_FILE_TOO_LARGE, ERROR_NO_DATA,
		ERROR_NO_MORE_ITEMS, ERROR_INVALID_FLAGS, ERROR_NO_UNICODE_TRANSLATION,
		ERROR_IO_DEVICE, ERROR_OLD_WIN_VERSION, ERROR_CANT_RESOLVE_FILENAME,
	};
	char text[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(codes); i++)
		EXPECT_LT(0, FormatMessageA(FROM_SYSTEM, NULL, codes[i], 0, text,
					    sizeof(text), NULL)) {
			TH_LOG("code %u has no text", codes[i]);
		}
}

/* A program's own file may be what is missing, whether or not the device is there. */
TEST(file_that_is_missing_is_called_one)
{
	char text[256] = "";

	FormatMessageA(FROM_SYSTEM, NULL, ERROR_FILE_NOT_FOUND, 0, text, sizeof(text), NULL);
	EXPECT_EQ(0, strncmp(text, "The file was not found.", 23));
}

/* Programs look in a module of theirs, and in the system if that has nothing. */
TEST(no_module_has_texts)
{
	char text[64];

	EXPECT_EQ(21, FormatMessageA(FROM_SYSTEM | FORMAT_MESSAGE_FROM_HMODULE, NULL,
				     WAIT_TIMEOUT, 0, text, 64, NULL));
	EXPECT_EQ(0, FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE, NULL, WAIT_TIMEOUT, 0, text, 64,
				    NULL));
	EXPECT_EQ(ERROR_RESOURCE_TYPE_NOT_FOUND, GetLastError());
	EXPECT_EQ(0, FormatMessageA(FORMAT_MESSAGE_FROM_STRING, "%1", 0, 0, text, 64, NULL));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_EQ(0, FormatMessageA(0, NULL, WAIT_TIMEOUT, 0, text, 64, NULL));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
}

/* A buffer of a line of a screen's is enough for most programs. */
TEST(texts_are_not_long)
{
	char text[128];
	DWORD code;

	for (code = 0; code < 20000; code++)
		if (!FormatMessageA(FROM_SYSTEM, NULL, code, 0, text, sizeof(text), NULL))
			EXPECT_NE(ERROR_INSUFFICIENT_BUFFER, GetLastError()) {
				TH_LOG("the text of %u", code);
			}
}

TEST(code_without_a_text_fails)
{
	char text[64];

	EXPECT_EQ(0, FormatMessageA(FROM_SYSTEM, NULL, 123456, 0, text, 64, NULL));
	EXPECT_EQ(ERROR_MR_MID_NOT_FOUND, GetLastError());
}

TEST_HARNESS_MAIN
