"""Copies of tablets

Revision 0006, after 0005.
"""

from alembic import op
import sqlalchemy as sa


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.add_column(sa.Column('marks', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('copy_of', sa.String(length=11), nullable=True))


def downgrade():
    """Go back."""
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.drop_column('copy_of')
        batch_op.drop_column('marks')
