/* json/number.h: numbers as the fewest digits that read back. */
#ifndef FM_JSON_NUMBER_H
#define FM_JSON_NUMBER_H

/** Shortest decimal text that reads back as value, which is finite; locale plays no part. @return text */
char *json_number(double value, char text[static 32]);

#endif
